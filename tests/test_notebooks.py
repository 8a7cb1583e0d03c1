"""The notebooks: committed without outputs, and what they promise when they are run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from ipykernel.kernelspec import write_kernel_spec
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

REPOSITORY = Path(__file__).parents[1]
NOTEBOOKS = {path.stem: path for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb"))}


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS[name], as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_committed_without_outputs(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    assert not any(cell.outputs or cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert not any(cell.metadata for cell in notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3" and set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncKernelManager:
    """A kernel of the Python that runs the tests, whatever kernels the user has installed."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    write_kernel_spec(tmp_path / "kernels" / "python3")
    return AsyncKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")]))


def run(name: str, kernel: AsyncKernelManager, folder: Path) -> list[nbformat.NotebookNode]:
    """Execute a notebook as in a clone of the repository; return what its cells gave."""
    shutil.copytree(REPOSITORY / "configs", folder / "configs")
    (folder / "notebooks").mkdir()
    notebook, resources = read(name), {"metadata": {"path": str(folder / "notebooks")}}
    NotebookClient(notebook, km=kernel, resources=resources, timeout=300).execute(cleanup_kc=True)
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def printed(outputs: list[nbformat.NotebookNode]) -> str:
    """What was printed; nothing else must reach the reader beside results, no warning above all."""
    streams = [output for output in outputs if output.output_type == "stream"]
    assert [stream.text for stream in streams if stream.name == "stderr"] == []
    return "".join(stream.text for stream in streams)


def figures(outputs: list[nbformat.NotebookNode]) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.slow
def test_open_and_slice(kernel: AsyncKernelManager, tmp_path: Path) -> None:
    outputs = run("1_open_and_slice", kernel, tmp_path)
    text = printed(outputs)
    assert "dm2 = 0.0431, sin2_2theta = 0.8069; at an end of the axis: none" in text  # the collaboration's best fit
    assert "Δ(−2 ln L) = 28.89" in text
    assert "have a common covariance and cannot be summed\n  use 'miniboone'" in text
    assert figures(outputs) == 5


@pytest.mark.slow
def test_global_fit_of_three_stores(kernel: AsyncKernelManager, tmp_path: Path) -> None:
    outputs = run("2_global_fit_of_three_stores", kernel, tmp_path)
    text = printed(outputs)
    assert "allow it to be interpolated with --interpolate" in text
    assert "share data (t2k_hnl_2019), which would count twice" in text
    assert "exclude every signal at 0.9, even none" in text
    ratio = re.search(r"ours over published: median ([\d.]+) over (\d+) masses", text)
    assert ratio and 0.97 < float(ratio[1]) < 1.01 and int(ratio[2]) > 40
    sigma = [float(found) for found in re.findall(r"χ²_PG = .* ([\d.]+) σ", text)]
    assert min(sigma[:4]) > 5 and sigma[4] == 0  # a window closed at all masses below the kaon's, open above
    assert figures(outputs) == 4


@pytest.mark.slow
def test_publication_figure(kernel: AsyncKernelManager, tmp_path: Path) -> None:
    outputs = run("3_publication_figure", kernel, tmp_path)
    assert "contour_90_1.yaml" in printed(outputs)
    made = tmp_path / "notebooks" / "out"
    assert (made / "hnl_mu.pdf").read_bytes().startswith(b"%PDF")
    assert (made / "hnl_mu.png").read_bytes().startswith(b"\x89PNG")
    assert (made / "hepdata" / "submission.yaml").is_file()
    assert figures(outputs) == 1
