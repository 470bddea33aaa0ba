"""What can go wrong, in the gateway's own words. HTTP numbers are in `problems.py`, and only there."""

import errno
from typing import Self, TypeAlias


class GatewayError(Exception):
    """Base of all errors that a client may see.

    `public` is told to the client, `private` is only logged; `retry_after_s` says when a new try makes sense.
    """

    def __init__(self, public: str, *, private: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(public)
        self.public = public
        self.private = private
        self.retry_after_s = retry_after_s


class InvalidOptionError(GatewayError):
    """An option, or a value of one, that does not exist."""


class InvalidUrlError(GatewayError):
    """A picture's URL that cannot be read as one."""


class AddressRefusedError(GatewayError):
    """A picture's URL that leads to an address which is not public."""


class SourceNotFoundError(GatewayError):
    """The picture's host does not exist, or has no such picture, or does not give it to us."""


class SourceFailedError(GatewayError):
    """The picture's host does not answer as it should."""


class SourceTimeoutError(GatewayError):
    """The picture's host is too slow."""


class TooManyRedirectsError(GatewayError):
    """The picture's URL redirects without end."""


class InvalidUploadError(GatewayError):
    """A form that cannot be read, or without the one file it should have."""


class UploadTimeoutError(GatewayError):
    """The client sends its upload too slowly."""


class TooLargeError(GatewayError):
    """More bytes than allowed."""


class UnsupportedTypeError(GatewayError):
    """Not a picture in a format that the pipelines read."""


class TooManyPixelsError(GatewayError):
    """More pixels than allowed."""


class UnreadablePictureError(GatewayError):
    """A picture that is empty, truncated or broken."""


class NotVideoError(GatewayError):
    """Not a video in a container that is read."""


class PictureNotVideoError(GatewayError):
    """A picture where a video should be."""


class NoVideoStreamError(GatewayError):
    """A container without a video stream."""


class SoundOnlyError(GatewayError):
    """A container of nothing but sound."""


class EmptyVideoError(GatewayError):
    """A file without a byte."""


class TruncatedVideoError(GatewayError):
    """A video that is cut off before anything of it can be shown."""


class UnreadableVideoError(GatewayError):
    """A video that is broken, or in a codec that is not read."""


class VideoTooLongError(GatewayError):
    """A video that lasts longer than allowed."""


class TooManyFramesError(GatewayError):
    """More frames per second than allowed."""


class NoEncoderError(GatewayError):
    """None of the video encoders that may be used works on this machine."""


class VideoNotWrittenError(GatewayError):
    """A video that could not be written, as to a full disk."""

    @classmethod
    def of(cls, what: str, error: Exception) -> Self:
        """`what` is told, and the full disk where that is the reason."""
        full = getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        return cls(f"{what}: the disk is full" if full else what, private=repr(error))


class JobNotFoundError(GatewayError):
    """No job by that name, or it has expired."""


class JobEndedError(GatewayError):
    """A job that has ended, so that it cannot be cancelled."""


class JobsUnavailableError(GatewayError):
    """The jobs' database does not take or give what it should."""


class StreamIdleError(GatewayError):
    """A live stream whose client sends nothing any more."""


class OriginRefusedError(GatewayError):
    """A live stream that a page of another origin asks for."""


class PhotoRefusedError(GatewayError):
    """A picture, or what was asked of it, that a pipeline with options does not take; its text says which."""


class UnknownModelError(GatewayError):
    """A model by a name that no model has."""


class InvalidTasksError(GatewayError):
    """A list of tasks, or what comes with it, that cannot be read."""


class DownloadFailedError(GatewayError):
    """A picture to analyse that could not be had from its URL, for whatever reason."""


class ImageFailedError(GatewayError):
    """A picture to analyse that cannot be read, for whatever reason."""


class BusyError(GatewayError):
    """More requests than the gateway, or Triton, may queue."""


class PipelineDownError(GatewayError):
    """The pipeline failed its last canary or its last requests, or has not been seen yet."""


class PipelineNotServedError(GatewayError):
    """Triton does not serve the pipeline at all."""


class PipelineChangedError(GatewayError):
    """The pipeline was loaded anew while it worked, so that nobody can say what made the result."""


class InferenceUnavailableError(GatewayError):
    """Triton cannot be reached or refuses work."""


class InferenceTimeoutError(GatewayError):
    """Triton did not answer before the deadline."""


class InferenceFailedError(GatewayError):
    """Triton failed in a way that is not the picture's fault."""


class StoreFailedError(GatewayError):
    """The object store did not take or give an object."""


class ResultNotFoundError(GatewayError):
    """No such result in the store."""


class RangeError(GatewayError):
    """A part of a file that the file does not have."""


class ClientGoneError(GatewayError):
    """The client hung up before its answer was ready."""


# What may come of one deed, for the routes that do it.
Kinds: TypeAlias = tuple[type[GatewayError], ...]
PICTURE: Kinds = (
    TooLargeError,
    UnsupportedTypeError,
    TooManyPixelsError,
    UnreadablePictureError,
)
VIDEO: Kinds = (
    NotVideoError,
    PictureNotVideoError,
    NoVideoStreamError,
    SoundOnlyError,
    EmptyVideoError,
    TruncatedVideoError,
    UnreadableVideoError,
    VideoTooLongError,
    TooManyFramesError,
    TooLargeError,
    TooManyPixelsError,
)
FETCH: Kinds = (
    InvalidUrlError,
    AddressRefusedError,
    SourceNotFoundError,
    SourceFailedError,
    SourceTimeoutError,
    TooManyRedirectsError,
)
SERVICE: Kinds = (
    BusyError,
    PipelineDownError,
    PipelineNotServedError,
    InferenceUnavailableError,
    InferenceTimeoutError,
    InferenceFailedError,
)
# A picture, uploaded or behind an address, that is finished and stored.
FINISHING: Kinds = (
    InvalidOptionError,
    InvalidUploadError,
    PhotoRefusedError,
    UploadTimeoutError,
    PipelineChangedError,
    StoreFailedError,
    *FETCH,
    *PICTURE,
    *SERVICE,
)
# What another service may step in for: nothing that the picture or the request is to blame for.
OUTAGE: Kinds = (
    PipelineDownError,
    PipelineNotServedError,
    InferenceUnavailableError,
    InferenceTimeoutError,
)
