"""`sendto adapter`: what authors of adapters do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson

if TYPE_CHECKING:
    from sendto.sdk.discovery import Installed

Name = Annotated[str, typer.Argument(help="The adapter's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    adapter = typer.Typer(help="Write, test and document adapters.", no_args_is_help=True)
    adapter.command("new")(new)
    adapter.command("test")(run_kit)
    adapter.command("list")(list_)
    adapter.command("docs")(docs)
    app.add_typer(adapter, name="adapter")


def new(
    name: Name,
    folder: Annotated[Path | None, typer.Option(help="Where to write it; without, `sendto-NAME` here.")] = None,
) -> None:
    """Write a complete plugin project, whose adapter passes the conformance kit as it stands."""
    from sendto_cli.new_adapter import write_project

    place = folder or Path(f"sendto-{name.replace('_', '-')}")
    for path in write_project(name, place):
        typer.echo(path)
    typer.echo(f"try it: cd {place} && pip install -e '.[dev]' && pytest")


def run_kit(
    module: Annotated[str, typer.Argument(help="A module, or a Python file, with a Case or a Conformance in it.")],
    *,
    only: Annotated[str | None, typer.Option("--only", help="Only the checks whose names hold this text.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the conformance kit: the adapter against a provider that does everything that providers do."""
    import json

    from sendto_cli.adapter_test import find_cases, run_case

    results = [result for case in find_cases(module) for result in run_case(case, only or "")]
    if as_json:
        typer.echo(json.dumps([{"case": one.case, "check": one.check, "breach": one.breach} for one in results]))
    else:
        for one in results:
            typer.echo(f"{one.case}  {'BROKEN' if one.breach else 'kept'}  {one.check}: {one.promise}")
            if one.breach:
                typer.echo(f"    {one.breach}")
    if not results:
        raise CommandFailed(f"no check's name holds {only!r}")
    broken = sum(bool(one.breach) for one in results)
    if broken:
        raise CommandFailed(f"{broken} of {len(results)} promises are broken")
    if not as_json:
        typer.echo(f"all {len(results)} promises are kept")


def list_(*, as_json: AsJson = False) -> None:
    """List the adapters that are installed; fails if one is broken. Some of ours need `sendto[dispatcher]`."""
    import json

    from sendto.sdk.discovery import installed_adapters

    found = list(installed_adapters())
    if as_json:
        rows = [
            {"name": one.name, "distribution": one.distribution, "version": one.version, "problem": one.problem}
            for one in found
        ]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for one in found:
            typer.echo(f"{one.name}  {one.distribution} {one.version}  {_condition(one)}")
    broken = [one.name for one in found if one.problem and not _needs_extra(one)]
    if broken:
        raise CommandFailed(f"broken: {', '.join(broken)}")


def docs(
    name: Annotated[str, typer.Argument(help="The adapter's name; without, the guide for authors is printed.")] = "",
    *,
    write: Annotated[bool, typer.Option("--write", help="Write it beside the adapter, as README.md.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Fail if the page beside the adapter is not as it is.")
    ] = False,
) -> None:
    """Print an adapter's page: what is sent, what it can do, errors, settings. Without a name: how to write one."""
    from sendto.sdk.discovery import AdapterUnusable, load_adapter
    from sendto_cli.adapter_page import Undocumented, guide, page, place

    if not name:
        typer.echo(guide(), nl=False)
        return
    try:
        adapter = load_adapter(name)
        text, kept = page(adapter), place(adapter)
    except (AdapterUnusable, Undocumented) as unusable:
        raise CommandFailed(str(unusable)) from None
    if check:
        if not kept.exists() or kept.read_text(encoding="utf-8") != text:
            raise CommandFailed(f"{kept} is not current: sendto adapter docs {name} --write")
        typer.echo(f"{kept} is current")
    elif write:
        kept.write_text(text, encoding="utf-8")
        typer.echo(kept)
    else:
        typer.echo(text, nl=False)


def _needs_extra(one: "Installed") -> bool:
    """Whether it is one of ours, in an environment without the dispatcher's libraries, as an author's may be."""
    return one.lacks is not None and one.distribution == "sendto"


def _condition(one: "Installed") -> str:
    if _needs_extra(one):
        return f"needs {one.lacks}: pip install 'sendto[dispatcher]'"
    return one.problem or "good"
