"""The plugin as packaged passes the scan of the site that publishes it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from gate import findings  # noqa: E402
from package import build  # noqa: E402

PLANTED = {
    "B101": "assert 1 + 1 == 2\n",
    "B110": "try:\n    import json\nexcept Exception:\n    pass\n",
    "B301": "import pickle\n\npickle.loads(b'')\n",
    "B603": "import subprocess\n\nsubprocess.run(['ls'])\n",
    "B614": "import torch\n\ntorch.load('file')\n",
    "Hex High Entropy": 'DIGEST = "1f3a9c0be4d27786aa51cbe09d3f6c12b8e4aa07"\n',
    "Secret Keyword": 'password = "correct-horse-9"\n',
}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


def test_the_plugin_has_no_finding(plugin):
    assert findings(plugin) == []


@pytest.mark.parametrize("rule", PLANTED)
def test_planted_findings_are_caught(plugin, tmp_path, rule):
    copy = tmp_path / plugin.name
    (copy / "worker").mkdir(parents=True)
    shutil.copy(plugin / "worker" / "state.py", copy / "worker" / "state.py")
    with (copy / "worker" / "state.py").open("a") as file:
        file.write(PLANTED[rule])
    assert any(rule in item and "worker/state.py" in item for item in findings(copy))
