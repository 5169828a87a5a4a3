"""Tar files from strangers: what they announce is looked at before it is read into memory."""

import os
import tarfile

#: Bytes of a name or another extension of a header. Ours have some hundred.
LARGEST_EXTENSION = 1_000_000


class Header(tarfile.TarInfo):
    """The header of a member; extensions, which `tarfile` reads whole before it gives the member, have a limit."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        """Read a header.

        Raises
        ------
        tarfile.ReadError
            If an extension is too large.
        """
        header = super().frombuf(buf, encoding, errors)
        if not header.isreg() and header.size > LARGEST_EXTENSION:
            raise tarfile.ReadError(f"a header of {header.size:,} bytes; at most {LARGEST_EXTENSION:,} are read")
        return header


def opened(path: str | os.PathLike, mode: str) -> tarfile.TarFile:
    """Return an open tar file whose headers are `Header`."""
    return tarfile.open(path, mode, tarinfo=Header)
