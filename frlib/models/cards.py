"""Where each network comes from, what it was trained on, and what to keep in mind: the text of the models page."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelCard:
    """What a reader must know about a network before using it.

    Parameters
    ----------
    upstream : str
        Who trained it, as far as it is known.
    licence : str
        Of the weights, as far as it is known.
    training_data : str
        The training set and what is questionable about it.
    intended_use : str
        What it serves for here.
    known_faults : str
        What is wrong with the published file, or lost in it, and what is done about it.
    """

    upstream: str
    licence: str
    training_data: str
    intended_use: str
    known_faults: str

    @property
    def paragraph(self) -> str:
        """The card as one paragraph."""
        return (
            f"{self.upstream} Licence: {self.licence}. {self.training_data} {self.intended_use} {self.known_faults}"
        ).strip()


STUDY = "Used here to study the geometry of its embedding space; not meant for identifying people."
MS1M = (
    "MS-Celeb-1M and its cleaned versions hold photographs of about 100,000 people collected from the web without "
    "their consent; Microsoft withdrew the set in 2019."
)
VGGFACE2 = (
    "VGGFace2 holds 3.3 million photographs of 9,131 people collected from the web without their consent; the set is "
    "no longer distributed by its authors."
)

MODEL_CARDS: dict[str, ModelCard] = {
    "mobilefacenet": ModelCard(
        upstream=(
            "MobileFaceNet (Chen et al. 2018) trained with the ArcFace loss; names in the graph match the repository "
            "sirius-ai/MobileFaceNet_TF, which the package does not state."
        ),
        licence="package MIT; presumed upstream Apache-2.0",
        training_data=f"Presumably a cleaned MS-Celeb-1M. {MS1M}",
        intended_use=f"The main network of the book: small, accurate, cosine metric. {STUDY}",
        known_faults=(
            "The published file is broken: the converter flipped the sign of all 33 PReLU slopes and dropped the "
            "negative branch of 16 of them. On aligned photographs the area under the ROC curve is 0.64 as published "
            "and 1.00 after the repair, which is applied here. The crop is 112 x 112, RGB, (x - 127.5) / 128. The "
            "final normalisation to length one is left out."
        ),
    ),
    "mobileface": ModelCard(
        upstream="MobileFace of becauseofAI (2018), a network of 0.55 million parameters for phones.",
        licence="MIT (package and upstream)",
        training_data=f"The upstream does not document the training set; a version of MS-Celeb-1M is likely. {MS1M}",
        intended_use=f"The weakest face network: shows what changes with less capacity. Cosine metric. {STUDY}",
        known_faults="None known. It scales pixels itself, so that it takes 0..255. The crop is 112 x 112.",
    ),
    "faceres": ModelCard(
        upstream=(
            "A MobileNet for identity, age and gender from HSE (Savchenko 2019, HSE_FaceRec_tf); the identity features "
            "are used, the heads for age and gender are left out."
        ),
        licence="package MIT; upstream Apache-2.0 by the word of the package's author",
        training_data=f"VGGFace2. {VGGFACE2}",
        intended_use=f"Trained by classification rather than by a margin loss. Cosine metric. {STUDY}",
        known_faults=(
            "Weights are stored in float16. Features follow a ReLU6 and a mean, so that no coordinate is negative and "
            "all cosines are positive. The input is 224 x 224, BGR, minus the mean of VGGFace2."
        ),
    ),
    "dlib": ModelCard(
        upstream="dlib_face_recognition_resnet_model_v1 of Davis King (2017), a ResNet with 29 convolutions.",
        licence="CC0 (weights), MIT (package)",
        training_data=(
            "About 3 million photographs of 7,485 people, mostly from FaceScrub and the VGG face set, collected from "
            "the web without the people's consent."
        ),
        intended_use=(
            "Trained with a metric loss: distances are Euclidean, and its author calls two photographs with a distance "
            f"below 0.6 the same person. {STUDY}"
        ),
        known_faults=(
            "Weights are stored in 8 bits. It expects its own crop (150 x 150): a little larger than the others, with "
            "the chin in view. Pixels are divided by 255, as face-api does; dlib itself divides by 256. Max pooling "
            "has ties on flat image parts, where derivatives are one-sided."
        ),
    ),
    "efficientnet-lite0": ModelCard(
        upstream="EfficientNet-Lite0 of Google (2020), converted to torch by ML Illustrated.",
        licence="Apache-2.0",
        training_data=(
            "ImageNet (ILSVRC 2012): 1,000 kinds of objects. People appear in many of its photographs without having "
            "been asked, but are not classes."
        ),
        intended_use="The control: it sees images well and was never taught to tell people apart. Cosine metric.",
        known_faults="The classifier is left out; the embedding is its input, the pooled features.",
    ),
}
