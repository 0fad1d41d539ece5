"""`tenure deploy`: publishes a workspace and those of its playbooks that compile."""

from pathlib import Path

from app.files import read_folder
from app.running import FINDINGS, Services, plain, say, show
from engine.project import read_project


def deploy_folder(folder: Path, home: Path | None, *, as_json: bool) -> int:
    """0 when all was published; 1 when a playbook is broken, and stays as it was while the others are published."""
    from store import clock
    from store.deploy import Publication, deploy

    project = read_project(read_folder(folder), str(folder))
    for problem in project.problems:
        say(str(problem))
    if project.workspace is None:
        say("nothing was deployed: the workspace itself is broken")
        return FINDINGS
    publications = [
        Publication(
            compiled=one.compiled,
            source=one.source,
            texts={hash_: text.model_dump(mode="json") for hash_, text in one.texts.items()},
        )
        for one in project.playbooks.values()
        if one.compiled is not None
    ]
    with Services(home) as services, services.database.begin() as conn:
        report = deploy(conn, project.workspace, publications, clock.now(conn))
    broken = [name for name, one in project.playbooks.items() if one.compiled is None]
    if as_json:
        show({**plain(report), "broken": broken})
    else:
        for what, names in plain(report).items():
            print(f"{what:>12}: {names or '-'}")
        if broken:
            print(f"{'broken':>12}: {', '.join(broken)} (left as before)")
    return FINDINGS if project.broken else 0
