"""From references to bytes: the one place where a key meets a file's content.

Every file is read back after it is serialised and compared with what went in, before anything
is written (style 5, T5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from provisioner.errors import ArtifactError, BrokenArtifact
from provisioner.policy.model import PlainTree
from provisioner.render.model import Artifact, Tree
from provisioner.secret import SecretRef


def sealed(artifact: Artifact, opened: Callable[[SecretRef], SecretStr]) -> bytes:
    """Return an artifact's bytes with its secrets put in, checked by parsing them back.

    Raises:
        ArtifactError: the format can't carry what is asked for.
        BrokenArtifact: the bytes don't read back as what went in.
    """
    plain = _filled(artifact.content, opened)
    data = artifact.write(plain)
    if not _reads_back(artifact, data, plain):
        raise BrokenArtifact(f"{artifact.path} does not read back as it was rendered; it was not written")
    return data


def key_line(key: SecretStr) -> bytes:
    """Return a key as the one line of a file that is handed out."""
    return key.get_secret_value().encode() + b"\n"


def _reads_back(artifact: Artifact, data: bytes, plain: PlainTree) -> bool:
    try:
        return artifact.read(data) == plain
    except ArtifactError:
        return False


def _filled(tree: Tree, opened: Callable[[SecretRef], SecretStr]) -> PlainTree:
    match tree:
        case SecretRef():
            return opened(tree).get_secret_value()
        case str() | int():
            return tree
        case Mapping():
            return {name: _filled(value, opened) for name, value in tree.items()}
        case _:
            return [_filled(value, opened) for value in tree]
