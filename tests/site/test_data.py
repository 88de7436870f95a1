from pathlib import Path

from bookbuild.execution.store import Store
from bookbuild.project import Project
from deepbook.data import names


def test_every_data_set_that_a_build_brings_is_used_by_a_page():
    project = Project(Path(__file__).parents[2])
    store = Store(project)
    records = [store.record(page) for page in project.pages()]
    used = {name for record in records if record is not None for name in record.ran_with.data}
    assert set(names(used_by="pages")) - used == set()
