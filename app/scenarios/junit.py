"""Results of scenarios as JUnit XML, which build servers show."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from app.scenarios.comparison import comparison
from app.scenarios.testing import Tested
from app.tables import clean, clean_lines


def junit(tested: Sequence[Tested]) -> bytes:
    """One suite for each playbook, one case for each scenario."""
    root = ET.Element("testsuites", {"name": "tenure", **_counts(tested)})
    for playbook in dict.fromkeys(one.playbook for one in tested):
        own = [one for one in tested if one.playbook == playbook]
        suite = ET.SubElement(root, "testsuite", {"name": playbook, **_counts(own)})
        for one in own:
            case = ET.SubElement(
                suite, "testcase", name=clean(one.result.name), classname=playbook, time=f"{one.seconds:.4f}"
            )
            if one.result.failures:
                failure = ET.SubElement(case, "failure", message=clean(one.result.failures[0]), type="scenario")
                failure.text = clean_lines("\n".join([*one.result.failures, "", *comparison(one.result.rows)]))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(tested: Sequence[Tested]) -> dict[str, str]:
    failures = sum(bool(one.result.failures) for one in tested)
    return {
        "tests": str(len(tested)),
        "failures": str(failures),
        "errors": "0",
        "time": f"{sum(one.seconds for one in tested):.4f}",
    }
