"""Which containers are opened: those that hold their own pixels. A playlist or a list of files would lead elsewhere."""

import struct
from pathlib import Path
from typing import BinaryIO

from gateway.errors import (
    EmptyVideoError,
    GatewayError,
    NotVideoError,
    PictureNotVideoError,
    TooLargeError,
    TruncatedVideoError,
    UnreadableVideoError,
    UnsupportedTypeError,
)
from gateway.limits import SNIFF_BYTES, sniff

# FFmpeg's names. Left out on purpose: whatever opens further addresses (hls, dash, concat, imf, image2, sdp, rtsp),
# whatever draws text or is a device (lavfi, tty, x11grab), and pictures. Sound is there to be told as what it is.
DEMUXERS = """
3dostr 4xm aac ac3 aiff amr amv apv asf asf_o au av1 avi avs avs2 avs3 bethsoftvid bfi bink bmv c93 caf cavsvideo
cdxl cine dhav dirac dnxhd dsicin dv dxa ea eac3 evc film_cpk flac flic flv gdv gxf h261 h263 h264 hevc hnm idcin
iff ifv ingenient ipmovie ipu iv8 ivf jv kux live_flv lmlm4 luodat lvf lxf m4v matroska,webm mgsts mjpeg mjpeg_2000
mlv mm mods moflex mov,mp4,m4a,3gp,3g2,mj2 mp3 mpeg mpegts mpegtsraw mpegvideo mpjpeg mtv mv mvi mxf mxg nc nsv nut
nuv obu ogg paf pdv pmp pva r3d rl2 rm roq rpl ser sga siff simbiosis_imx smk smush swf thp tiertexseq tmv ty vc1
vc1test vividas vivo vmd vvc w64 wav wc3movie wsvqa wtv wv xmv yop yuv4mpegpipe
""".split()  # noqa: SIM905 - a list to be read
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(DEMUXERS)}
MEDIA_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
LARGE_BOX = 1  # a size that says: 64 bits follow
TO_THE_END = 0


def address(path: Path) -> str:
    """A path as FFmpeg takes it for a path, whatever signs are in its name."""
    return f"file:{path.absolute()}"


def check_size(path: Path, max_bytes: int) -> None:
    """Raises EmptyVideoError, TooLargeError or UnreadableVideoError."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableVideoError("the video's file cannot be opened", private=repr(error)) from error
    if size == 0:
        raise EmptyVideoError("the video is empty: its file has 0 bytes")
    if size > max_bytes:
        raise TooLargeError(f"the video has {size} bytes, more than {max_bytes}")


def picture_kind(path: Path) -> str | None:
    """The format of a file that is a picture, whatever its name is."""
    with path.open("rb") as file:
        head = file.read(SNIFF_BYTES)
    try:
        return sniff(head)
    except UnsupportedTypeError:
        return None


def refusal(path: Path, reason: Exception) -> GatewayError:
    """What is wrong with a file that FFmpeg does not open, in the order of what helps most."""
    kind = picture_kind(path)
    if kind is not None:
        return PictureNotVideoError(f"this is a picture ({kind}), not a video", private=repr(reason))
    with path.open("rb") as file:
        boxes = _boxes(file)
    if boxes and b"moov" not in boxes:
        return TruncatedVideoError("the video is cut off: its index (moov) is missing", private=repr(reason))
    if boxes:
        return UnreadableVideoError("the video's index (moov) cannot be read", private=repr(reason))
    return NotVideoError("this is not a video in a container that can be read", private=repr(reason))


def _boxes(file: BinaryIO) -> list[bytes]:
    """The types of the outermost boxes of an MP4 or QuickTime file; empty for anything else."""
    found: list[bytes] = []
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - size and type
        size, kind = struct.unpack(">I4s", head)
        if not found and kind not in MEDIA_BOXES:
            return []
        found.append(kind)
        used = 8
        if size == LARGE_BOX:
            size, used = int.from_bytes(file.read(8), "big"), 16
        if size == TO_THE_END or size < used:
            break
        file.seek(size - used, 1)
    return found
