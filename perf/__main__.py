"""Measurements: `serving` loads the whole service, `analysis` a task list, `shelf` videos; `steps` and `product` time
single steps.

`quality` looks at the product photos that a running service makes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perf.quality.measure import Result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m perf", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _steps(commands.add_parser("steps", help="time of each step around the network, on one core"))
    _analysis(commands.add_parser("analysis", help="four tasks about one picture, beside a plain service in torch"))
    _product(commands.add_parser("product", help="time and memory of each step of a product photo, on one core"))
    _shelf(commands.add_parser("shelf", help="shelf videos: streams, files, stages, cameras; or networks on a GPU"))
    _serving(commands.add_parser("serving", help="pipeline, network and gateway beside bare ONNX Runtime"))
    _quality(commands.add_parser("quality", help="product photos of a running service against the truth"))
    given = parser.parse_args()
    return given.run(given) or 0


def _quality(parser: argparse.ArgumentParser) -> None:
    here = Path(__file__).resolve().parent
    parser.add_argument("--service", required=True, metavar="URL", help="address of the gateway")
    parser.add_argument("--scenes", type=Path, metavar="DIR", help="what training scenes --source booth wrote")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="folder of NAME.jpg with NAME.mask.png")
    parser.add_argument("--per-category", type=int, default=20, help="scenes of each category (default 20)")
    parser.add_argument("--report", type=Path, default=Path(".perf/quality"), help="folder for index.html")
    parser.add_argument("--results", type=Path, default=here / "results" / "quality", help="folder for COMMIT.json")
    parser.set_defaults(run=_run_quality)


def _run_quality(given: argparse.Namespace) -> int:
    """Returns 1 where a score fell, 2 where nothing could be measured."""
    from perf.quality import cases, history, run, service

    root = Path(__file__).resolve().parent.parent
    plan = run.Plan(given.scenes, given.photos, given.per_category, given.report, given.results, history.commit(root))
    try:
        with service.connected(given.service) as reached:
            fallen = run.run(plan, reached, _tell)
    except cases.QualityError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join([f"report: {given.report / 'index.html'}", *fallen]))
    return 1 if fallen else 0


def _tell(result: Result) -> None:
    print(f"{result.case.name}: {result.refused or f'{result.points.overall:.1f}'}", flush=True)


def _analysis(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoints", type=Path, help="folder with one of each network (default: random weights)")
    parser.add_argument("--requests", type=int, default=24, help="requests of each window (default 24)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds, the median counts (default 3)")
    parser.add_argument("--out", type=Path, help="the report (default perf/results/analysis.md)")
    parser.set_defaults(run=_run_analysis)


def _run_analysis(given: argparse.Namespace) -> None:
    from perf import analysis

    out = given.out or Path(__file__).resolve().parent / "results" / "analysis.md"
    print(analysis.run(given.requests, given.rounds, given.checkpoints, out))


def _shelf(parser: argparse.ArgumentParser) -> None:
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--frames", type=_positive, default=96, help="frames of the clips (default 96)")
    parser.add_argument("--rounds", type=_positive, default=3, help="interleaved rounds, the median counts (default 3)")
    parser.add_argument("--seconds", type=float, default=10.0, help="for which cameras send in each round (default 10)")
    parser.add_argument("--clients", type=_positive, nargs="+", default=[1, 2, 4, 8], help="cameras (default 1 2 4 8)")
    parser.add_argument("--models", type=Path, default=root / "model_repository", help="repository of the networks")
    parser.add_argument("--gpu", action="store_true", help="the exported networks on a GPU, nothing else")
    parser.add_argument("--out", type=Path, help="the report (default perf/results/shelf.md, with --gpu shelf_gpu.md)")
    parser.set_defaults(run=_run_shelf)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _run_shelf(given: argparse.Namespace) -> int:
    """Returns 2 where nothing could be measured; the reason is on stderr."""
    from perf.shelf import gpu, run

    here = Path(__file__).resolve().parent
    out = given.out or here / "results" / ("shelf_gpu.md" if given.gpu else "shelf.md")
    try:
        if given.gpu:
            print(gpu.run(given.models, given.frames, out, here.parent))
        else:
            plan = run.Plan(given.frames, given.rounds, given.seconds, tuple(sorted(set(given.clients))))
            print(run.run(plan, out, given.models))
    except (gpu.NoGpuError, run.NoNetworkError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", choices=("step_matte", "main_matte"), default="step_matte")
    parser.add_argument("--requests", type=int, default=60, help="requests of each window (default 60)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds, the median counts (default 3)")
    parser.add_argument("--out", type=Path, help="the report (default perf/results/ROLE.md)")
    parser.set_defaults(run=_run_serving)


def _run_serving(given: argparse.Namespace) -> None:
    from perf import serving

    out = given.out or Path(__file__).resolve().parent / "results" / f"{given.role}.md"
    print(serving.run(serving.plan(given.role, given.requests, given.rounds), out))


def _steps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=4000, help="sides of the made picture, pixels (default 4000)")
    parser.add_argument("--side", type=int, default=512, help="sides of the network's input, pixels (default 512)")
    parser.add_argument("--photo", type=Path, help="an image file to use instead; NAME.mask.png beside it is its matte")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of which the median counts (default 5)")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    parser.set_defaults(run=_run_steps)


def _product(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=4000, help="sides of the made picture, pixels (default 4000)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of which the median counts (default 5)")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    parser.set_defaults(run=_run_product)


def _run_product(given: argparse.Namespace) -> None:
    from perf import product

    _show(product.run(given.size, given.rounds), "A product photo with every option", given)


def _run_steps(given: argparse.Namespace) -> None:
    from perf import steps

    table = steps.run(given.size, given.side, given.photo, given.rounds)
    _show(table, f"The steps around a network of {given.side} px", given)


def _show(table: str, title: str, given: argparse.Namespace) -> None:
    if given.out is not None:
        from perf import report

        machine = report.machine(Path(__file__).resolve().parent.parent).split(";")[0]
        how = f"CPU time on one core, medians of {given.rounds}"
        given.out.write_text(f"# {title}\n\n{machine}; {how}.\n\n{table}")
    print(table)


if __name__ == "__main__":
    sys.exit(main())
