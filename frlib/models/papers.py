"""The papers' networks, one entry each: what plain downloads give a machine with internet.

None of them was run where this book is made: their hosts cannot be reached from there. What was run are small networks
of the same operations, on the same way from a server to an embedding; each card repeats it.

Where a sha256 comes from stands beside it. Where no source of one is known, the reader must give it.
"""

from functools import partial

from frlib.models.convert.facenet import convert_facenet
from frlib.models.convert.urls import WebFile
from frlib.models.convert.vision_transformers import convert_checkpoint, with_weights
from frlib.models.embedder import Preprocess
from frlib.models.networks import MS1M, Card, Network

NOT_RUN = "**Not run here**: its host could not be reached; a small network of the same operations was."
WEBFACE = (
    "hold photographs of people, collected from the web by their names without their consent, for research that is not "
    "commercial"
)
#: What the makers of ArcFace and its relatives feed: RGB, (x - 127.5) / 127.5.
SYMMETRIC = (127.5, 1 / 127.5)
#: Means and deviations of ImageNet's photographs, and of CLIP's, in 0..255, as timm has them.
IMAGENET = tuple(255 * m for m in (0.485, 0.456, 0.406)), tuple(1 / (255 * s) for s in (0.229, 0.224, 0.225))
CLIP = (
    tuple(255 * m for m in (0.48145466, 0.4578275, 0.40821073)),
    tuple(1 / (255 * s) for s in (0.26862954, 0.26130258, 0.27577711)),
)


def facenet(file: WebFile, crop: str, training_data: str, references: tuple[str, ...]) -> Network:
    """Return the entry of FaceNet with some weights and one of its two inputs.

    facenet-pytorch standardises by ``(x - 127.5) / 128``. The detector's boxes are stretched to squares.
    """
    own = crop == "mtcnn"
    cut = (
        "The input is what it was trained on: the box of the detector MTCNN with a margin of 32 of 160 pixels, "
        "stretched to a square. Here the box is the mean one of drawn faces, and level with the eyes."
        if own
        else "The input is that of paper A, the ArcFace crop enlarged to 160 pixels; it was trained on another."
    )
    return Network(
        (file,),
        convert_facenet,
        Preprocess(160, 127.5, 1 / 128, width=0.7245 if own else 1),
        dim=512,
        parameters=23_467_824,
        metric="euclidean",
        crop=crop,
        role="paper",
        card=Card(
            what="Inception-ResNet-v1, trained by classification; its embeddings have length one",
            origin="`davidsandberg/facenet`, carried over to torch by `timesler/facenet-pytorch`, release 2.2.9",
            licence="MIT (both repositories)",
            training_data=training_data,
            use="The one network of paper A with a Euclidean metric.",
            faults=f"{cut} Paper A ran keras-facenet's copy of the same training. {NOT_RUN}",
            references=("schroff2015facenet", *references),
        ),
    )


def from_uniface(
    repository: str, name: str, sha256: str, card: Card, *, parameters: int | None = None, bgr: bool = False
) -> Network:
    """Return the entry of a face network in the model store of the package uniface, whose registry has its sha256."""
    address = f"https://github.com/yakhyo/{repository}/releases/download/weights/{name}.onnx"
    take = Preprocess(112, *SYMMETRIC, bgr=bgr)
    known = {"dim": 512, "parameters": parameters, "card": card}
    return Network((WebFile(address, sha256),), None, take, **known, role="paper", package="onnxruntime")


def with_timm(
    file: WebFile, architecture: dict, preprocess: Preprocess, dim: int, parameters: int, card: Card
) -> Network:
    """Return the entry of an encoder of images in general, whose layers the package timm has."""
    build, make = partial(convert_checkpoint, **architecture), partial(with_weights, **architecture)
    known = {"dim": dim, "parameters": parameters, "card": card}
    return Network((file,), build, preprocess, **known, role="foundation", make=make, package="timm")


# Publishes no sha256. Found alike in several public projects that pin this address (2026-11), one with this size.
VGGFACE2 = WebFile(
    "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
    "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
    111_898_327,
)
# No source of a sha256 was found.
CASIA = WebFile("https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180408-102900-casia-webface.pt")
# PaddlePaddle/FastDeploy lists this export of InsightFace's weights, without a sha256.
ARCFACE_R18 = WebFile("https://bj.bcebos.com/paddlehub/fastdeploy/ms1mv3_arcface_r18.onnx")
# The hub's own sha256 of the file in this revision, as several public projects pin it.
CLIP_VIT_B32 = WebFile(
    "https://huggingface.co/timm/vit_base_patch32_clip_224.openai/resolve/"
    "a6f597a30f7b82c51704746581f9a4e41421e878/open_clip_model.safetensors",
    "e6d1bd7789aa45192b3bf90570a789b478bae1b74ebcce7eddd908e83a2b7c31",
    605_143_284,
)
# In finegrain-ai/refiners, src/refiners/conversion/models/dinov2.py, with this address.
DINOV2_VITS14 = WebFile(
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
    "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
    88_283_115,
)
# Publishes no sha256. Found alike in several public projects that pin this address (2026-11), one with this size.
SAM_VIT_B = WebFile(
    "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
    "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    375_042_383,
)

ON_VGGFACE2 = (
    "VGGFace2: 3.3 million photographs of 9,131 people, collected from the web without their consent and no longer "
    "distributed by its authors."
)
ON_CASIA = (
    "CASIA-WebFace: about half a million photographs of 10,575 actors and other public figures, collected from the web "
    "without their consent."
)
ADAFACE_FAULTS = (
    "It takes blue first, unlike the others. Whether the exported embedding has length one is not documented; "
    f"distances by the cosine do not depend on it. {NOT_RUN}"
)
ADAFACE_LICENCE = "MIT (`yakhyo/adaface-onnx`); terms of the authors' weights not found"


def adaface(layers: str, data: str, use: str) -> Card:
    """Return the card of an AdaFace network."""
    return Card(
        what=f"Improved residual network with {layers} layers, trained with the AdaFace loss",
        origin="`mk-minchul/AdaFace`, exported by `yakhyo/adaface-onnx`",
        licence=ADAFACE_LICENCE,
        training_data=f"{data}: parts of WebFace260M, which {WEBFACE}.",
        use=use,
        faults=ADAFACE_FAULTS,
        references=("kim2022adaface", "zhu2021webface260m"),
    )


def sphereface(layers: str) -> Card:
    """Return the card of a SphereFace network."""
    return Card(
        what=f"Residual network of {layers} layers without normalisation, trained with a margin on the sphere",
        origin="`yakhyo/face-recognition`, a new training; not the networks of the paper's authors",
        licence="MIT (`yakhyo/face-recognition`)",
        training_data=f"MS1MV2. {MS1M}",
        use="An early margin loss. Paper A used SphereFaceR with 100 layers, which has no plain download.",
        faults=f"Which margin was used is not documented for these files. {NOT_RUN}",
        references=("liu2017sphereface",),
    )


def edgeface(name: str) -> Card:
    """Return the card of an EdgeFace network."""
    return Card(
        what=f"EdgeNeXt {name}: convolutions and attention across channels, for phones",
        origin="`otroshi/edgeface` (Idiap), exported by `yakhyo/edgeface-onnx`",
        licence="BSD-3-Clause (code), CC BY-NC-SA 4.0 (weights, by Idiap's cards)",
        training_data=f"Parts of WebFace260M with 4 and 12 million images, by Idiap's cards. Such parts {WEBFACE}.",
        use="A face network with attention: another family for chapter 6.",
        faults=f"Derivatives need onnx2torch, and exports of opset 18 or newer are brought to 17 first. {NOT_RUN}",
        references=("george2024edgeface", "zhu2021webface260m"),
    )


PAPER_NETWORKS: dict[str, Network] = {
    "facenet-vggface2": facenet(VGGFACE2, "arcface", ON_VGGFACE2, ("cao2018vggface2",)),
    "facenet-vggface2-mtcnn": facenet(VGGFACE2, "mtcnn", ON_VGGFACE2, ("cao2018vggface2",)),
    "facenet-casia": facenet(CASIA, "arcface", ON_CASIA, ("yi2014casia",)),
    "facenet-casia-mtcnn": facenet(CASIA, "mtcnn", ON_CASIA, ("yi2014casia",)),
    "arcface-r18": Network(
        (ARCFACE_R18,),
        None,
        Preprocess(112, *SYMMETRIC),
        dim=512,
        parameters=None,
        role="paper",
        package="onnxruntime",
        card=Card(
            what="Improved residual network with 18 layers, trained with the ArcFace loss",
            origin="`deepinsight/insightface`, exported by `PaddlePaddle/FastDeploy`",
            licence="InsightFace: non-commercial research only",
            training_data=f"MS1MV3. {MS1M}",
            use="The network that paper A fine-tunes.",
            faults=(
                "No sha256 is published: give one, or the file. InsightFace itself offers an export on a drive that "
                f"programs cannot read. {NOT_RUN}"
            ),
            references=("deng2019arcface",),
        ),
    ),
    "arcface-r50": from_uniface(
        "uniface",
        "w600k_r50",
        "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
        Card(
            what="Improved residual network with 50 layers, trained with the ArcFace loss",
            origin="`deepinsight/insightface`, pack buffalo_l",
            licence="InsightFace: non-commercial research only; uniface's store says MIT",
            training_data=f"WebFace600K of InsightFace, presumably a part of WebFace260M. Such parts {WEBFACE}.",
            use="The network of paper A's first tables.",
            faults=(
                "Paper A seems to have given it blue first, where it wants red first. Its embeddings are not of length "
                f"one. {NOT_RUN}"
            ),
            references=("deng2019arcface", "zhu2021webface260m"),
        ),
    ),
    "adaface-ir18": from_uniface(
        "adaface-onnx",
        "adaface_ir_18",
        "6b6a35772fb636cdd4fa86520c1a259d0c41472a76f70f802b351837a00d9870",
        adaface("18", "WebFace4M", "Nearest to the AdaFace of paper A, which was trained on VGGFace2."),
        bgr=True,
    ),
    "adaface-ir50": from_uniface(
        "adaface-onnx",
        "adaface_ir_50",
        "9c0ae385d7362323c92d218de598d32e52a9130b78faac6a8a924091aca62c0b",
        adaface("50", "WebFace4M", "The same training with more layers."),
        bgr=True,
    ),
    "adaface-ir101": from_uniface(
        "adaface-onnx",
        "adaface_ir_101",
        "f2eb07d03de0af560a82e1214df799fec5e09375d43521e2868f9dc387e5a43e",
        adaface("101", "WebFace12M", "The most accurate network of this list by its authors' tables."),
        bgr=True,
    ),
    "sphereface-20": from_uniface(
        "uniface",
        "sphere20",
        "c02878cf658eb1861f580b7e7144b0d27cc29c440bcaa6a99d466d2854f14c9d",
        sphereface("20"),
    ),
    "sphereface-36": from_uniface(
        "uniface",
        "sphere36",
        "13b3890cd5d7dec2b63f7c36fd7ce07403e5a0bbb701d9647c0289e6cbe7bb20",
        sphereface("36"),
    ),
    "edgeface-xxs": from_uniface(
        "edgeface-onnx",
        "edgeface_xxs",
        "dc674de4cbc77fa0bf9a82d5149558ab8581d82a2cd3bb60f28fd1a5d3ff8a2f",
        edgeface("XX-small"),
    ),
    "edgeface-xs": from_uniface(
        "edgeface-onnx",
        "edgeface_xs_gamma_06",
        "9206e2eb13a2761d7b5b76e13016d4b9acd3fa3535a9a09939f3adacd139a5ff",
        edgeface("X-small, its matrices of low rank (0.6)"),
    ),
    "edgeface-s": from_uniface(
        "edgeface-onnx",
        "edgeface_s_gamma_05",
        "b850767cf791bda585600b5c4c7d7432b2f998ccd862caae34ef1afa967d2e54",
        edgeface("small, its matrices of low rank (0.5)"),
    ),
    "edgeface-base": from_uniface(
        "edgeface-onnx",
        "edgeface_base",
        "b56942f072c67385f44734b9458b0ccc4a2226888a113f77e0c802ad0c77b4c3",
        edgeface("base"),
    ),
    "clip": with_timm(
        CLIP_VIT_B32,
        {"name": "vit_base_patch32_clip_quickgelu_224", "num_classes": 512},
        Preprocess(224, *CLIP),
        512,
        87_849_728,
        Card(
            what="The image encoder of CLIP, a vision transformer (B/32), trained to match images with their captions",
            origin="`openai/CLIP`, in safetensors on the hub of timm",
            licence="MIT (OpenAI's repository)",
            training_data="400 million pairs of image and text from the web, not published.",
            use="A foundation model of paper B: no face network.",
            faults=f"The makers enlarge by bicubic interpolation, frlib by bilinear. {NOT_RUN}",
            references=("radford2021clip",),
        ),
    ),
    "dinov2": with_timm(
        DINOV2_VITS14,
        {"name": "vit_small_patch14_dinov2", "img_size": 224, "num_classes": 0},
        Preprocess(224, *IMAGENET),
        384,
        21_628_800,
        Card(
            what="DINOv2, a vision transformer (S/14), trained without labels; the embedding is its class token",
            origin="`facebookresearch/dinov2`",
            licence="Apache-2.0 (by timm's word)",
            training_data="LVD-142M: 142 million images chosen from the web, not published.",
            use="A foundation model of paper B: no face network.",
            faults=f"Images are 224 pixels, not 518 as in training; positions are interpolated by timm. {NOT_RUN}",
            references=("oquab2023dinov2",),
        ),
    ),
    "sam": with_timm(
        SAM_VIT_B,
        {"name": "samvit_base_patch16", "num_classes": 0},
        Preprocess(1024, *IMAGENET),
        256,
        89_670_912,
        Card(
            what="The image encoder of Segment Anything, a vision transformer (B/16); the embedding is its mean",
            origin="`facebookresearch/segment-anything`",
            licence="Apache-2.0 (by timm's word)",
            training_data="SA-1B: 11 million licensed photographs with blurred faces, and masks.",
            use="A foundation model of paper B: no face network.",
            faults=f"Images are 1024 pixels, so that it is slow without a GPU. {NOT_RUN}",
            references=("kirillov2023sam",),
        ),
    ),
}
