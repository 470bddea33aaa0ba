"""`python -m serving`: sets up what is missing, then serves in the foreground until Ctrl-C or SIGTERM."""

import os
import signal
import sys

_INTERRUPTED = 130


def main() -> int:
    """Exit status 130 when it was interrupted before there was anything to stop."""
    # Half a second of imports, and a KeyboardInterrupt inside an extension module's comes out as any other error.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from serving import launcher, output

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return launcher.main()
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        output.close()


if __name__ == "__main__":
    sys.exit(main())
