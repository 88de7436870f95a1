import pytest
import torch

from deepbook.data import fetched, kinships, nations, umls

SIZES = {
    umls: (135, 46, [5_216, 652, 661]),
    kinships: (104, 25, [8_544, 1_068, 1_074]),
    nations: (14, 55, [1_592, 199, 201]),
}


def parts(graph):
    return graph.train, graph.validation, graph.test


@pytest.mark.parametrize("load", SIZES)
def test_facts_name_their_ends_and_their_relation(carried, load):
    carried(load.__name__, b"b\tlikes\ta\nc\tsees\tb\n", b"a\tlikes\tc\n", b"d\tsees\td\n")
    graph = load()
    assert graph.entities == ("a", "b", "c", "d")
    assert graph.relations == ("likes", "sees")
    assert [part.tolist() for part in parts(graph)] == [
        [[1, 0, 0], [2, 1, 1]],
        [[0, 0, 2]],
        [[3, 1, 3]],
    ]
    assert graph.facts.shape == (4, 3)
    assert graph.facts.dtype == torch.int64
    assert {part.device.type for part in parts(graph.to("meta"))} == {"meta"}
    assert len(repr(graph).splitlines()) == 9
    assert load.__name__ in fetched()


@pytest.mark.parametrize("load", SIZES)
def test_the_real_graphs_have_the_published_sizes_and_no_fact_twice(in_cache, load):
    in_cache(load.__name__)
    graph, (entities, relations, sizes) = load(), SIZES[load]
    assert (len(graph.entities), len(graph.relations)) == (entities, relations)
    assert [len(part) for part in parts(graph)] == sizes
    assert len(graph.facts.unique(dim=0)) == sum(sizes)
    assert graph.licence
    assert graph.citation
