"""The papers' networks in small: the operations of each, at sizes that take no time."""

import torch
from torch import nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """The block of ArcFace's improved residual network: normalisation first, PReLU between two convolutions."""

    def __init__(self, channels: int, outputs: int, stride: int, shortcut: str):
        super().__init__()
        self.before, self.middle, self.after = (nn.BatchNorm2d(n) for n in (channels, outputs, outputs))
        self.first = nn.Conv2d(channels, outputs, 3, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)
        self.slopes = nn.PReLU(outputs)
        if shortcut == "maximum":  # as in AdaFace, where the number of channels stays
            self.shortcut = nn.MaxPool2d(1, stride)
        else:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.slopes(self.middle(self.first(self.before(x))))
        return self.after(self.second(y)) + self.shortcut(x)


class ResidualNetwork(nn.Module):
    """ArcFace: stem, blocks, and a matrix between two normalisations."""

    def __init__(self, size: int = 16, dim: int = 12, shortcut: str = "convolution"):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.PReLU(6))
        self.blocks = nn.Sequential(ResidualBlock(6, 6, 2, shortcut), ResidualBlock(6, 8, 2, "convolution"))
        self.norm, self.dropout = nn.BatchNorm2d(8), nn.Dropout(0.4)
        self.matrix, self.features = nn.Linear(8 * (size // 4) ** 2, dim), nn.BatchNorm1d(dim)

    def forward(self, x):
        x = self.norm(self.blocks(self.stem(x)))
        return self.features(self.matrix(torch.flatten(self.dropout(x), 1)))


class AdaFace(ResidualNetwork):
    """The same with shortcuts by maxima; gives a direction and a length."""

    def __init__(self, size: int = 16, dim: int = 12):
        super().__init__(size, dim, "maximum")

    def forward(self, x):
        x = super().forward(x)
        length = torch.norm(x, 2, 1, True)
        return torch.div(x, length), length


class MobileFaceNet(nn.Module):
    """Convolutions per channel between narrow ones, a residual sum, and a convolution as large as the image."""

    def __init__(self, size: int = 16, dim: int = 12):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.PReLU(8))
        wide = [nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.PReLU(16)]
        each = [nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False), nn.BatchNorm2d(16), nn.PReLU(16)]
        self.block = nn.Sequential(*wide, *each, nn.Conv2d(16, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.whole = nn.Sequential(nn.Conv2d(8, 8, size // 2, groups=8, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Sequential(nn.Conv2d(8, dim, 1, bias=False), nn.BatchNorm2d(dim))

    def forward(self, x):
        x = self.first(x)
        return self.head(self.whole(x + self.block(x))).flatten(1)


class SphereFace(nn.Module):
    """Convolutions and PReLU without normalisation, and one matrix."""

    def __init__(self, size: int = 16, dim: int = 12):
        super().__init__()
        self.first, self.slopes = nn.Conv2d(3, 8, 3, 2, 1), nn.PReLU(8)
        own = [part for _ in range(2) for part in (nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.PReLU(8))]
        self.block, self.matrix = nn.Sequential(*own), nn.Linear(8 * (size // 2) ** 2, dim)

    def forward(self, x):
        x = self.slopes(self.first(x))
        return self.matrix(torch.flatten(x + self.block(x), 1))


class CrossCovariance(nn.Module):
    """EdgeNeXt's encoder: channels filtered in steps, places added, and attention between channels."""

    def __init__(self, channels: int = 8, heads: int = 2):
        super().__init__()
        self.heads, half = heads, channels // 2
        self.filter = nn.Conv2d(half, half, 3, padding=1, groups=half)
        self.places = nn.Conv2d(4, channels, 1)
        self.norms = nn.ModuleList(nn.LayerNorm(channels, eps=1e-6) for _ in range(2))
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.widen, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.share = nn.Parameter(0.5 * torch.ones(channels))

    def forward(self, x):
        n, c, h, w = x.shape
        first, second = x.chunk(2, dim=1)
        y = torch.cat([first, self.filter(second + first)], dim=1)
        steps = torch.arange(1, h + 1, dtype=torch.float32, device=x.device) / h * 6.28
        down, across = steps[:, None].expand(h, w), steps[None].expand(h, w)
        waves = torch.stack([down.sin(), down.cos(), across.sin(), across.cos()])[None]
        y = (y + self.places(waves)).reshape(n, c, h * w).permute(0, 2, 1)
        y = y + self.share * self.attention(self.norms[0](y))
        y = y.reshape(n, h, w, c)
        y = self.narrow(functional.gelu(self.widen(self.norms[1](y))))
        return x + (self.share * y).permute(0, 3, 1, 2)

    def attention(self, y):
        n, places, c = y.shape
        q, k, v = self.qkv(y).reshape(n, places, 3, self.heads, c // self.heads).permute(2, 0, 3, 4, 1).unbind(0)
        q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
        weights = (q @ k.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        return self.out((weights @ v).permute(0, 3, 1, 2).reshape(n, places, c))


class EdgeFace(nn.Module):
    """EdgeNeXt: patches, large filters, attention, and two matrices of low rank."""

    def __init__(self, size: int = 16, dim: int = 12):
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8, eps=1e-6)
        self.filter, self.encoder = nn.Conv2d(8, 8, 3, padding=1, groups=8), CrossCovariance()
        self.low, self.high = nn.Linear(8, 3, bias=False), nn.Linear(3, dim)

    def forward(self, x):
        x = self.norm(self.patches(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.encoder(x + functional.gelu(self.filter(x)))
        return self.high(self.low(x.mean(dim=(2, 3))))


def seeded(kind: type[nn.Module], **options) -> nn.Module:
    """Return a network with random weights, and statistics that are none of the first ones."""
    torch.manual_seed(0)
    network = kind(**options).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.1), module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(0.5, 1.5), module.bias.normal_(0, 0.1)
            if isinstance(module, nn.PReLU):
                module.weight.uniform_(-0.3, 0.5)
    return network
