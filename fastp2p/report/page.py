"""The file of HTML: what a report holds put into its templates, with all scripts and styles inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastp2p.citation import citation
from fastp2p.errors import InputError, refuse
from fastp2p.io.files import replace_file
from fastp2p.io.ours import GENERATOR
from fastp2p.io.paths import absolute_path
from fastp2p.report import facts, numbers
from fastp2p.report.compare import comparison_of
from fastp2p.report.feeder import feeder_view
from fastp2p.report.figures import charts_of
from fastp2p.report.hosting import hosting_caption, hosting_sentences
from fastp2p.report.place import report_faults, report_path
from fastp2p.report.plain import chart_data, safe_json
from fastp2p.report.region import region_of, regions_side_by_side
from fastp2p.report.runs import Run, read_run


def write_report(
    folders: Sequence[Path], out: Path | None = None, *, feeder: str | None = None, overwrite: bool = False
) -> Path:
    """Write a report of a results folder, or of two side by side, into one file of HTML.

    Parameters
    ----------
    folders : sequence of path
        One results folder, or two. They stay as they are.
    out : path, optional
        File to write; by default FOLDER.html beside the folder, of two A-and-B.html; of one feeder FOLDER-NAME.html.
    feeder : str, optional
        Of runs of many networks, the name of the one that the report is of.
    overwrite : bool
        Replace a report that is there.

    Returns
    -------
    path
        The file.

    Raises
    ------
    InputError
        A folder that `fastp2p.read_results` refuses, a file in the way, packages that are missing, or a disk that refuses.
    """
    if not 1 <= len(folders) <= 2:
        raise InputError(f"a report is of one results folder or of two, not of {len(folders)}")
    path = absolute_path(report_path(folders, out, feeder))
    is_inside = any(absolute_path(one).resolve() in path.resolve().parents for one in folders)
    inside = [f"{path}: a results folder stays as it was written; choose another place"] * is_inside
    refuse([*report_faults(path, overwrite=overwrite), *inside])
    page = make_page([read_run(absolute_path(folder), feeder) for folder in folders])
    replace_file(path, lambda file: file.write(page.encode()), "no report was written")
    return path


def make_page(runs: Sequence[Run]) -> str:
    """The HTML of a report: of one run, or of two side by side."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    n_regions = sum(run.results.feeders is not None for run in runs)
    if n_regions == 0:
        content = report_of(runs[0]) if len(runs) == 1 else comparison_of(*runs)
    elif n_regions == len(runs):
        content = region_of(runs[0]) if len(runs) == 1 else regions_side_by_side(*runs)
    else:
        raise InputError("one of the runs has many networks and the other has one; --feeder NAME of runs that both have many")
    template = "compare.html" if len(runs) == 2 else "region.html" if n_regions else "report.html"
    data = safe_json(content.pop("data"))
    templates = files("fastp2p.report") / "templates"
    script = (templates / "report.js").read_text(encoding="utf-8")
    scripts = [get_plotlyjs(), script]
    environment = Environment(
        loader=PackageLoader("fastp2p.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template(template).render(
        **content,
        generator=Markup(f'{GENERATOR}{version("fastp2p")}">'),
        policy=policy_of(scripts),
        style=Markup((templates / "report.css").read_text(encoding="utf-8")),
        scripts=[Markup(one) for one in scripts],
        data=Markup(data),
    )
    return str(page)


def policy_of(scripts: Sequence[str]) -> str:
    """The Content-Security-Policy of a page: it loads nothing, and runs these scripts alone."""
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def report_of(run: Run) -> dict[str, Any]:
    """What the template of one run shows: plain data."""
    results, study = run.results, run.study
    swept = len(results.scenarios) > 1
    tables = [
        numbers.headline_table(run) if swept else None,
        numbers.probability_table(run) if swept and run.is_sample else None,
        numbers.bills_table(results),
        numbers.branch_table(results),
        numbers.summary_table(run),
    ]
    hosting = hosting_sentences(run) if run.is_sample else []
    charts, feeder = charts_of(run), feeder_view(results)
    return {
        **facts.about(run),
        "what": facts.what_it_is(results),
        "keys": facts.changed_keys(study),
        "cards": numbers.headlines(run),
        "cover": numbers.headlines_cover(results),
        "hosting": hosting,
        "hosting_caption": hosting_caption(results) if hosting else "",
        "charts": charts,
        "feeder": feeder,
        "tables": [table for table in tables if table is not None],
        "audit": numbers.audit_table(run),
        "citation": citation(),
        "failures": facts.failure_table(results),
        "data": {"charts": chart_data(charts), "feeder": feeder.data | {"times": feeder.times, "shares": feeder.shares}},
    }
