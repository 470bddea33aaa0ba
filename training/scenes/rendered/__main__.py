"""`python -m training.scenes.rendered --out DIR`: Blender's subjects, for `training.scenes --renders DIR`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# Blender wants NumPy 1.26 and CPython 3.11, which the project's own environment does not have.
CURE = (
    "Give it an environment of its own and run this there: python3.11 -m venv DIR && "
    "DIR/bin/pip install -r training/scenes/rendered/requirements.txt && DIR/bin/python -m training.scenes.rendered ..."
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.scenes.rendered", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures/, subjects/ and records/")
    parser.add_argument("--count", type=int, default=100, help="scenes that the folder shall hold in the end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=384, help="longer side in pixels")
    parser.add_argument("--views", type=int, default=1, help="views of each subject alone")
    parser.add_argument("--samples", type=int, default=12, help="light paths per pixel, before denoising")
    parser.add_argument("--no-pictures", action="store_true", help="subjects only, without their own ground")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args(argv)
    try:
        import bpy  # noqa: F401
    except ImportError as error:
        print(f"Blender's Python package cannot be imported ({error}). {CURE}", file=sys.stderr)
        return 2
    from training.scenes.rendered.renderer import Order, render_missing

    order = Order(
        folder=arguments.out.resolve(),
        seed=arguments.seed,
        size=arguments.size,
        views=max(1, arguments.views),
        samples=arguments.samples,
        threads=arguments.threads,
        pictures=not arguments.no_pictures,
    )
    made = render_missing(order, arguments.count)
    print(f"{arguments.out}: {arguments.count} scenes, {made} rendered now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
