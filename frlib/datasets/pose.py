"""How far a head is turned, roughly, from the five landmarks of a detector."""

import torch

from frlib.faces.crops import as_landmarks

#: Shift of the nose along the line of the eyes, over their distance, per tangent of the head angle.
SHIFT = 0.51


def head_turn(landmarks) -> torch.Tensor:
    r"""Return the head angle of each face in degrees, from where the nose lies between the eyes.

    A head that turns by θ brings its eyes nearer together by cos θ, and its nose, which lies before them, to the side
    by sin θ. So with s, the shift of the nose from the middle of the eyes, along their line and over their distance,

    .. math:: \theta = \arctan(s / 0.51).

    Parameters
    ----------
    landmarks : array_like, shape (N, 5, 2)
        Of `frlib.datasets.detect`: eyes from left to right in the image, nose, mouth corners.

    Returns
    -------
    Tensor, shape (N,)
        Degrees in the sense of ``head_angle`` of `frlib.faces.ATTRIBUTES`: positive where the nose is to the right in
        the image.

    Raises
    ------
    ValueError
        If the shape is another, or the landmarks of a face are not finite or coincide.

    Notes
    -----
    The factor is that of the detector: where MTCNN puts the nose, it shifts by 0.51 of the tangent, while on the mesh
    of drawn heads it shifts by 0.85 of it. On 8 drawn people at 13 angles from -45 to 45 degrees, searched at 160
    pixels, the root mean square error is 4.2 degrees and the largest error 11. Noses differ between people, so
    the error is one of the person in part. On photographs it was not measured.
    """
    landmarks = as_landmarks(landmarks, len(landmarks))
    apart = landmarks[:, 1] - landmarks[:, 0]
    shift = ((landmarks[:, 2] - landmarks[:, :2].mean(1)) * apart).sum(1) / (apart**2).sum(1)
    return torch.rad2deg(torch.atan(shift / SHIFT))
