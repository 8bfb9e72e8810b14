"""Print the external links of the built sources that do not answer; exit status 1 if there are any.

Needs the executed chapters and generated pages (``make book``) and the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from latentbook import paths


def main() -> int:
    """Run Sphinx' link check through Jupyter Book and report broken links."""
    root = paths.root()
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(sys.executable).with_name("jupyter-book"))
        command = [program, "build", str(root / "book")]
        command += ["--config", str(root / "_config.yml"), "--path-output", folder]
        subprocess.run([*command, "--builder", "linkcheck", "-qq"], check=False)
        reports = list(Path(folder).glob("_build/**/output.json"))
        if not reports:
            print("The link check itself failed.")
            return 1
        found = [json.loads(line) for line in reports[0].read_text().splitlines()]
    broken = [link for link in found if link["status"] == "broken"]
    for link in broken:
        print(f"- {link['filename']}, line {link['lineno']}: {link['uri']} ({link['info']})")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
