"""The papers' networks: small ones go from a server to an embedding; entries and cards are whole."""

import dataclasses
import hashlib
import importlib.util
import io
import re
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from torch import nn

from frlib import models
from frlib.models import DEFAULT_NETWORKS, NETWORKS, PAPER_NETWORKS, DownloadError, Preprocess, catalogue
from frlib.models.__main__ import main
from frlib.models.convert.urls import WebFile
from frlib.models.layers import LayerNetwork
from tests.models.architectures import AdaFace, EdgeFace, MobileFaceNet, ResidualNetwork, SphereFace, seeded
from tests.models.seeded_images import seeded_images
from tests.models.served import server

KINDS = {
    "arcface-r50": ResidualNetwork,
    "arcface-r18": MobileFaceNet,
    "adaface-ir18": AdaFace,
    "sphereface-20": SphereFace,
    "edgeface-xxs": EdgeFace,
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the user."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class OneOutput(nn.Module):
    """The first output of a network."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x):
        found = self.network(x)
        return found[0] if isinstance(found, tuple) else found


def as_onnx(network: nn.Module, opset: int = 17, outputs=("embedding",), size: int = 16) -> bytes:
    """Export a network of images as its makers do."""
    file = io.BytesIO()
    axes = {name: {0: "n"} for name in ("image", *outputs)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.randn(1, 3, size, size),),
            file,
            opset_version=opset,
            dynamo=False,
            input_names=["image"],
            output_names=list(outputs),
            dynamic_axes=axes,
        )
    return file.getvalue()


@pytest.fixture
def shop(monkeypatch):
    """Return a function that puts a file in the place of that of an entry, on a server that it gives back."""
    with server({}) as serving:

        def offer(
            name: str, content: bytes, *, suffix: str = ".onnx", published: bool = True, fault: str = "", **changes
        ):
            serving.files[f"{name}{suffix}"] = content
            digest = hashlib.sha256(content).hexdigest() if published else None
            address = f"{serving.url}/{fault}/{name}{suffix}" if fault else f"{serving.url}/{name}{suffix}"
            take = PAPER_NETWORKS[name].preprocess
            changes = {"preprocess": Preprocess(16, take.mean, take.scale, take.bgr), "dim": 12} | changes
            entry = dataclasses.replace(PAPER_NETWORKS[name], files=(WebFile(address, digest),), **changes)
            monkeypatch.setitem(PAPER_NETWORKS, name, entry)
            return serving

        yield offer


def by_hand(network: nn.Module, name: str, images: np.ndarray) -> torch.Tensor:
    """Return what the makers' program gives: their order of colours, (x - 127.5) / 127.5, their module."""
    ordered = images[..., ::-1] if name.startswith("adaface") else images
    inputs = (torch.from_numpy(ordered.astype(np.float32)) - 127.5) / 127.5
    with torch.no_grad():
        return network(inputs.permute(0, 3, 1, 2))


@pytest.mark.parametrize("opset", [11, 14, 17])
@pytest.mark.parametrize("name", KINDS)
def test_a_network_goes_from_the_server_to_an_embedding_and_to_a_gradient(name, opset, shop):
    network = OneOutput(seeded(KINDS[name])).eval()
    serving = shop(name, as_onnx(network, opset))
    images, expected = seeded_images(16), by_hand(network, name, seeded_images(16))
    embedder = models.load(name, "cpu")
    found = embedder.embed(images)
    assert float((found - expected).abs().max()) < 2e-5 * float(expected.abs().max())
    assert (embedder.name, embedder.metric, embedder.crop) == (name, "cosine", "arcface")
    assert embedder.licence == PAPER_NETWORKS[name].card.licence
    assert bool(models.available().set_index("name").offline[name])

    trained = models.load(name, "cpu", trainable=True)
    assert len(serving.asked) == 1  # the second call reads what was kept
    given = trained.network(trained.preprocess(torch.from_numpy(images)))
    assert float((given - expected).detach().abs().max()) < 1e-4 * float(expected.abs().max())
    torch.cosine_similarity(*given, dim=0).backward()
    gradients = [p.grad for p in trained.network.parameters()]
    assert sum(g is not None and bool(g.any()) for g in gradients) >= 0.7 * len(gradients)


def test_a_network_with_two_outputs_gives_the_one_that_its_entry_names(shop):
    network = seeded(AdaFace)
    content = as_onnx(network, outputs=("feature", "norm"))
    shop("adaface-ir18", content)
    with pytest.raises(ValueError, match="output must name one of 'feature', 'norm'"):
        models.load("adaface-ir18", "cpu")
    shop("adaface-ir18", content, output="feature")
    found = models.load("adaface-ir18", "cpu").embed(seeded_images(16))
    torch.testing.assert_close(
        found, by_hand(OneOutput(network).eval(), "adaface", seeded_images(16)), rtol=0, atol=1e-5
    )


def test_an_opset_that_onnx2torch_does_not_know_is_a_plain_message(shop):
    """The operation Gelu came with opset 20; images can be embedded all the same."""
    import onnx

    model = onnx.load_from_string(as_onnx(seeded(SphereFace)))
    (matrix,) = (node for node in model.graph.node if node.op_type == "Gemm")
    matrix.output[0] = "before"
    model.graph.node.append(onnx.helper.make_node("Gelu", ["before"], ["embedding"]))
    model.opset_import[0].version = 20
    shop("sphereface-20", model.SerializeToString())
    assert models.load("sphereface-20", "cpu").dim == 12
    with pytest.raises(ValueError, match="operation Gelu of opset 20 of the domain 'ai.onnx': images can be embedded"):
        models.load("sphereface-20", "cpu", trainable=True)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("other", OSError, "expected sha256"),
        ("page", DownloadError, "a web page in place of the file"),
        ("cut", DownloadError, "it broke off"),
        ("gone", DownloadError, "404"),
    ],
)
def test_a_faulty_server_leaves_no_network(fault, kind, said, shop, cache):
    shop("sphereface-20", as_onnx(seeded(SphereFace)), fault=fault)
    with pytest.raises(kind, match=said):
        models.load("sphereface-20", "cpu")
    assert not [path for path in cache.rglob("*.onnx*")]
    assert not bool(models.available().set_index("name").offline["sphereface-20"])


def test_a_kept_file_that_was_damaged_is_fetched_again(shop):
    serving = shop("sphereface-20", as_onnx(seeded(SphereFace)))
    expected = models.load("sphereface-20", "cpu").embed(seeded_images(16))
    path = PAPER_NETWORKS["sphereface-20"].files[0].local
    path.write_bytes(path.read_bytes()[:-9])
    assert torch.equal(models.load("sphereface-20", "cpu").embed(seeded_images(16)), expected)
    assert len(serving.asked) == 2


# FaceNet


@pytest.fixture(scope="module")
def inception():
    """FaceNet as facenet-pytorch has it, with the classifier that its checkpoints bring."""
    return seeded(InceptionResnetV1, classify=True, num_classes=7)


def saved(tensors: dict[str, torch.Tensor]) -> bytes:
    file = io.BytesIO()
    torch.save(tensors, file)
    return file.getvalue()


def checkpoint(network: nn.Module) -> bytes:
    return saved(network.state_dict())


def test_facenet_gives_what_facenet_pytorch_gives(inception, shop):
    own = PAPER_NETWORKS["facenet-vggface2"]
    serving = shop("facenet-vggface2", checkpoint(inception), suffix=".pt", dim=512, preprocess=own.preprocess)
    embedder, images = models.load("facenet-vggface2", "cpu"), seeded_images(160)
    inception.classify = False
    with torch.no_grad():
        expected = inception(((torch.from_numpy(images).float() - 127.5) / 128).permute(0, 3, 1, 2))
    torch.testing.assert_close(embedder.embed(images), expected, rtol=0, atol=2e-6)
    assert isinstance(embedder.network, LayerNetwork) and embedder.weights == own.parameters
    assert (embedder.metric, embedder.dim, embedder.input_size) == ("euclidean", 512, 160)
    random = models.load("facenet-vggface2", "cpu", weights="random")
    assert random.name == "facenet-vggface2-random" and len(serving.asked) == 1
    assert not torch.allclose(random.embed(images[:1]), expected[:1], atol=1e-2)


def test_facenet_in_its_own_crop_sees_the_middle_stretched():
    images = torch.from_numpy(seeded_images(160).astype(np.float32))
    for data in ("vggface2", "casia"):
        plain, own = (PAPER_NETWORKS[f"facenet-{data}{crop}"] for crop in ("", "-mtcnn"))
        assert (plain.crop, own.crop) == ("arcface", "mtcnn") and plain.files == own.files and plain.build is own.build
        middle = (images[:, :, 22:138].permute(0, 3, 1, 2) - 127.5) / 128  # 116 of 160 columns
        expected = nn.functional.interpolate(middle, (160, 160), mode="bilinear", align_corners=False)
        torch.testing.assert_close(own.preprocess(images), expected, rtol=0, atol=1e-5)


def test_a_checkpoint_that_would_run_code_is_refused(shop, tmp_path, cache):
    """Only tensors are read: a pickle that calls something is no checkpoint."""

    class Writes:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    file = io.BytesIO()
    torch.save({"conv2d_1a.conv.weight": Writes()}, file)
    shop("facenet-vggface2", file.getvalue(), suffix=".pt")
    with pytest.raises(Exception, match="[Ww]eights.only"):
        models.load("facenet-vggface2", "cpu")
    assert not (tmp_path / "written").exists() and not [path for path in cache.rglob("*.safetensors")]


def test_there_are_no_random_weights_for_a_file(shop):
    shop("sphereface-20", as_onnx(seeded(SphereFace)))
    with pytest.raises(ValueError, match="weights must be 'pretrained' for sphereface-20, which is an ONNX file"):
        models.load("sphereface-20", "cpu", weights="random")


def test_a_network_without_a_published_sha256_waits_for_one(shop, capsys, tmp_path):
    content = as_onnx(seeded(SphereFace))
    shop("arcface-r18", content, published=False)
    with pytest.raises(ValueError, match="sha256 must be given for arcface-r18.onnx"):
        models.load("arcface-r18", "cpu")
    assert main(["arcface-r18", "--sha256", hashlib.sha256(content).hexdigest()]) == 0
    assert re.search(r"arcface-r18 +0\.0 ", capsys.readouterr().out)
    assert models.load("arcface-r18", "cpu").dim == 12


def test_the_file_of_another_network_is_refused(shop):
    shop("sphereface-20", as_onnx(seeded(SphereFace)), dim=512)
    with pytest.raises(ValueError, match="the file of sphereface-20 must give 512 numbers; .* gives 12"):
        models.load("sphereface-20", "cpu")


def test_the_user_may_bring_the_file(shop, tmp_path):
    own = tmp_path / "mine.onnx"
    own.write_bytes(as_onnx(seeded(SphereFace)))
    serving = shop("arcface-r18", b"", published=False)
    assert main(["arcface-r18", "--file", str(own)]) == 0
    assert models.load("arcface-r18", "cpu").dim == 12 and not serving.asked


# Vision transformers

#: timm's names for parts of CLIP, and those of its makers, in the order in which they are replaced.
CLIP_NAMES = {
    "cls_token": "class_embedding",
    "pos_embed": "positional_embedding",
    "patch_embed.proj": "conv1",
    "norm_pre": "ln_pre",
    "norm1": "ln_1",
    "norm2": "ln_2",
    "norm.": "ln_post.",
    "attn.qkv.": "attn.in_proj_",
    "attn.proj.": "attn.out_proj.",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "blocks.": "transformer.resblocks.",
}


def theirs(name: str, ours: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights under the names of the makers' checkpoint, with what it holds besides."""
    if name == "dinov2":
        return ours | {"mask_token": torch.zeros(1, 32)}
    if name == "sam":
        named = {f"image_encoder.{key.replace('mlp.fc', 'mlp.lin')}": value for key, value in ours.items()}
        return named | {"mask_decoder.iou_token.weight": torch.zeros(1, 16)}
    found = {"logit_scale": torch.zeros(()), "token_embedding.weight": torch.zeros(3, 3)}
    for key, value in ours.items():
        if key == "head.weight":
            found["visual.proj"] = value.T.contiguous()
        elif key == "head.bias":
            value.zero_()
        else:
            shape = value.squeeze() if key in ("cls_token", "pos_embed") else value
            for own, given in CLIP_NAMES.items():
                key = key.replace(own, given)
            found[f"visual.{key}"] = shape
    return found


@pytest.mark.parametrize("name", ["clip", "dinov2", "sam"])
def test_vision_transformers_are_read_from_the_checkpoints_of_their_makers(name, shop, monkeypatch):
    timm = pytest.importorskip("timm")
    from safetensors.torch import save

    entry = PAPER_NETWORKS[name]
    tiny = {"embed_dim": 32, "depth": 2, "num_heads": 2} | {
        "clip": {"img_size": 64},
        "dinov2": {"img_size": 28},
        "sam": {"img_size": 32, "global_attn_indexes": [1], "neck_chans": 16},
    }[name]
    options = {**entry.build.keywords, **tiny}
    torch.manual_seed(0)
    network = timm.create_model(options["name"], **{k: v for k, v in options.items() if k != "name"}).eval()
    given = theirs(name, network.state_dict())
    content, suffix = (save(given), ".safetensors") if name == "clip" else (saved(given), ".pth")
    size = tiny["img_size"]
    changes = {"build": partial(entry.build.func, **options), "make": partial(entry.make.func, **options)}
    take = Preprocess(size, entry.preprocess.mean, entry.preprocess.scale)
    shop(name, content, suffix=suffix, preprocess=take, dim=16, **changes)
    embedder = models.load(name, "cpu")
    with torch.no_grad():
        expected = network(take(torch.from_numpy(seeded_images(size))))
    torch.testing.assert_close(embedder.embed(seeded_images(size)), expected, rtol=1e-5, atol=1e-5)
    assert bool(models.available().set_index("name").offline[name])
    with pytest.raises(ValueError, match=f"weights must be 'pretrained' for {name}, whose layers are not ours"):
        models.load(name, "cpu", weights="random")


def test_the_layers_of_edgeface_can_be_trained(shop):
    """EdgeFace-XXS is EdgeNeXt with 512 outputs, of which timm has the layers: as many weights as its makers say."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model("edgenext_xx_small", num_classes=512).eval()
    shop("edgeface-xxs", as_onnx(network, size=112), preprocess=PAPER_NETWORKS["edgeface-xxs"].preprocess, dim=512)
    for trainable in (False, True):
        embedder = models.load("edgeface-xxs", "cpu", trainable=trainable)
        expected = by_hand(network, "edgeface-xxs", seeded_images(112))
        torch.testing.assert_close(embedder.embed(seeded_images(112)), expected, rtol=1e-4, atol=1e-5)
        assert round(embedder.weights / 1e6, 2) == 1.24


# The catalogue


def test_entries_are_whole():
    assert not set(PAPER_NETWORKS) & set(NETWORKS)
    for name, network in PAPER_NETWORKS.items():
        (file,) = network.files
        assert file.url.startswith("https://"), name
        assert file.published is None or re.fullmatch("[0-9a-f]{64}", file.published), name
        card = dataclasses.asdict(network.card)
        assert all(card.values()) and "Not run here" in card["faults"], name
        assert network.role in ("paper", "foundation") and network.metric in ("cosine", "euclidean")
    roles = models.available().groupby("role").name.agg(list)
    assert roles["foundation"] == ["clip", "dinov2", "sam"] and len(roles["paper"]) == 15
    without = [name for name, network in PAPER_NETWORKS.items() if network.files[0].published is None]
    assert without == ["facenet-casia", "facenet-casia-mtcnn", "arcface-r18"]


def test_preprocessing_is_that_of_the_makers():
    rgb = np.random.default_rng(0).uniform(0, 255, (1, 112, 112, 3))
    for name, network in PAPER_NETWORKS.items():
        if network.role == "foundation":
            continue
        take = network.preprocess
        blue_first = name.startswith("adaface")
        small = rgb if take.size == 112 else np.kron(rgb, np.ones((1, 2, 2, 1)))[:, :160, :160]
        if take.width < 1:
            continue
        expected = (small[..., ::-1] if blue_first else small) - 127.5
        expected = expected / (128 if name.startswith("facenet") else 127.5)
        found = take(torch.from_numpy(small)).permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=name)


def test_chosen_networks(shop):
    defaults = list(DEFAULT_NETWORKS)
    assert models.chosen() == defaults and models.chosen(" dlib ,") == defaults
    assert models.chosen(" dlib , arcface-r50,dlib,clip,arcface-r50") == [*defaults, "arcface-r50", "clip"]
    shop("sphereface-20", as_onnx(seeded(SphereFace)))
    models.load("sphereface-20", "cpu")
    assert models.chosen() == [*defaults, "sphereface-20"] and models.chosen("clip") == [*defaults, "clip"]
    accepted = ", ".join(catalogue.known())
    with pytest.raises(ValueError, match=f"networks must be names from {accepted}, with commas; got 'arcface'"):
        models.chosen("dlib,arcface")


def test_a_network_whose_package_is_not_installed_is_left_out_of_those_that_were_not_named(shop, monkeypatch, capsys):
    shop("sphereface-20", as_onnx(seeded(SphereFace)))
    models.load("sphereface-20", "cpu")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    assert models.chosen() == list(DEFAULT_NETWORKS)
    assert capsys.readouterr().out == "sphereface-20 is left out, because it needs the package onnxruntime.\n"
    assert models.chosen("sphereface-20")[-1] == "sphereface-20"


def test_networks_of_other_roles_are_shown_where_a_chapter_asks_for_them(monkeypatch, tmp_path):
    monkeypatch.setattr(catalogue, "stored_path", lambda name: tmp_path if name in ("dinov2", "arcface-r50") else "")
    assert models.chosen() == [*DEFAULT_NETWORKS, "arcface-r50"]
    assert models.chosen(roles=("paper", "foundation")) == [*DEFAULT_NETWORKS, "arcface-r50", "dinov2"]


def test_every_entry_names_the_package_that_it_needs():
    for name, network in catalogue.known().items():
        needed = "onnxruntime" if network.build is None else "timm" if network.role == "foundation" else ""
        assert network.package == needed, name


def test_the_command_lists_networks_and_says_what_is_wrong(capsys):
    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in catalogue.known())
    assert main(["arcface-r99"]) == 1
    assert "error: name must be one of 'mobilefacenet'" in capsys.readouterr().err
    assert main(["dlib", "--sha256", "0" * 64]) == 1
    assert "sha256 and file are for a network at an address; dlib comes from npm" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--file", "x.onnx"])
