"""10,000 machines in one namespace: started, called, listed, found."""

import uuid

import pytest
from support.client import Space, at_once
from support.processor import Answer
from support.stubs import automaton_pb2

COUNT = 10_000


@pytest.fixture(scope="module")
def crowd(server, processor) -> Space:
    # Where tests move between processes, one may make it again.
    name = f"crowd-{uuid.uuid4().hex[:8]}"
    server.client.create_namespace(name, processor.endpoint)
    space = Space(server.client, processor, name)
    space.behave(lambda i: Answer(response=i.machine.id.encode(), events=[i.args]))
    at_once((automaton_pb2.StartRequest(namespace=name, id=f"machine-{n:05}", args=b"%d" % n)
             for n in range(COUNT)), server.client.automaton.Start)
    return space


def test_list_pages_through_all_of_them_once(crowd):
    pages = list(crowd.pages(page_size=1000))
    assert [m.id for page in pages for m in page] == [f"machine-{n:05}" for n in range(COUNT)]
    assert len(pages) <= COUNT // 1000 + 1


def test_list_has_a_page_size_of_its_own(crowd):
    assert len(next(crowd.pages())) == 100
    assert len(next(crowd.pages(page_size=5000))) == 1000


def test_a_prefix_finds_its_part(crowd):
    found = crowd.ids(prefix="machine-0123", page_size=4)
    assert found == [f"machine-{n:05}" for n in range(1230, 1240)]
    assert len(crowd.ids(prefix="machine-07", page_size=1000)) == 1000
    assert crowd.ids(prefix="machine-1") == []


def test_filters_go_on_over_pages(crowd):
    assert crowd.ids(status=automaton_pb2.STATUS_FILTER_FAILED, page_size=1000) == []
    assert len(crowd.ids(status=automaton_pb2.STATUS_FILTER_WORKING, page_size=1000)) == COUNT


def test_each_of_them_is_its_own(crowd):
    for n in range(0, COUNT, 997):
        assert crowd.events(f"machine-{n:05}") == [b"%d" % n]
        assert crowd.call(f"machine-{n:05}", b"call") == b"machine-%05d" % n
        assert crowd.events(f"machine-{n:05}") == [b"%d" % n, b"call"]
