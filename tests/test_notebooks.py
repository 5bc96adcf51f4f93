"""The notebooks run from top to bottom, and are kept without outputs."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert code_cells(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(notebook))


# zmq and jupyter_client warn of their own event loop and of their own plans; neither is ours to mend.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_from_top_to_bottom(path, tmp_path):
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    shown = [output for cell in code_cells(notebook) for output in cell.outputs]
    # tqdm, imported by a library of ours, asks for a widget that a kernel without a page has no use for.
    shown = [one for one in shown if "TqdmWarning" not in one.get("text", "")]
    assert [one for one in shown if one.output_type == "error" or one.get("name") == "stderr"] == []
    assert any('class="medtext' in one.data.get("text/html", "") for one in shown if "data" in one)
