"""The house: imports point downwards, the front door loads nothing heavy, and the wheel holds what it needs."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import medtext
from medtext.registry import lookup, names

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "medtext"

# From the ground up: a module may import, when it is imported itself, only what stands on its own floor or below.
FLOORS = [
    ["errors"],
    ["span", "config"],
    ["note"],
    ["redaction", "taxonomy", "registry", "bridge", "overlap", "merging"],
    ["formats", "terminology", "inference", "examples"],
    ["pipeline", "marking"],
    ["stages", "review"],
    ["runs", "generator", "training"],
    ["studio"],
    ["server"],
    ["cli", "__main__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = {
    "spacy",
    "medspacy",
    "presidio_analyzer",
    "transformers",
    "torch",
    "gliner",
    "numpy",
    "cryptography",
    "pandas",
    "pyarrow",
    "yaml",
    "tqdm",
    "fastapi",
    "uvicorn",
}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path):
    """The medtext modules that a file imports when it is imported, and those inside its functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("medtext"):
            found.append((node.module, node in tree.body))
        if isinstance(node, ast.Import):
            found += [(alias.name, node in tree.body) for alias in node.names if alias.name.startswith("medtext.")]
    return found


def room(module):
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_point_downwards(path):
    here = FLOOR[room(dotted(path))]
    for module, at_import in imported(path):
        if at_import and room(module) and not module.startswith("medtext.taxonomies"):
            assert FLOOR[room(module)] <= here, f"{dotted(path)} imports {module}"


@pytest.mark.parametrize("path", [path for path in modules() if "stages" in path.parts], ids=dotted)
def test_no_stage_imports_another(path):
    own = ".".join(dotted(path).split(".")[:3])
    for module, _ in imported(path):
        if module.startswith("medtext.stages."):
            assert module.startswith((own, "medtext.stages.rules")), f"{dotted(path)} imports {module}"


@pytest.mark.parametrize("path", [path for path in modules() if room(dotted(path)) == "review"], ids=dotted)
def test_what_judges_a_stage_imports_none(path):
    assert not [module for module, _ in imported(path) if module.startswith("medtext.stages")]


def test_importing_medtext_loads_nothing_heavy():
    code = "import sys, medtext; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_every_public_name_is_there_and_listed():
    for name in medtext.__all__:
        assert getattr(medtext, name) is not None
    assert set(medtext.__all__) <= set(dir(medtext))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = medtext.nothing


@pytest.mark.parametrize("kind", ["format", "stage"])
def test_every_registered_name_leads_somewhere(kind):
    for name in names(kind):
        assert lookup(kind, name).name == name


def test_every_file_can_be_read_in_one_sitting():
    long = {dotted(path): count for path in modules() if (count := len(path.read_text("utf-8").splitlines())) > 400}
    assert long == {}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The names in the wheel that pip would build, made without the network from the environment's setuptools."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return set(zipfile.ZipFile(next(folder.glob("*.whl"))).namelist())


def test_the_wheel_holds_every_file_of_the_package_and_the_taxonomies(wheel):
    tracked = subprocess.run(
        ["git", "ls-files", "medtext", "taxonomies"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.splitlines():
        inside = f"medtext/{name}" if name.startswith("taxonomies/") else name
        assert inside in wheel, f"{name} is missing from the wheel: list it in setup.cfg"
    strangers = {name.split("/")[0] for name in wheel}
    assert all(name == "medtext" or name.endswith(".dist-info") for name in strangers)
