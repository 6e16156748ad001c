"""A source that fails takes away what it would have given and nothing else; nothing is computed from its absence."""

from __future__ import annotations

from pathlib import Path

from tests.features.house import ROOT, House

DOWN = {"code": "CH501", "hint": "Try again shortly. The operators find the cause in the log under the request id."}
SAYS = "A source of this answer is not available."


def error(*path: object) -> dict[str, object]:
    return {"message": SAYS, "path": list(path), "extensions": DOWN}


async def test_what_fails_is_null_with_its_path_and_the_rest_stands(tmp_path: Path) -> None:
    query = "{flights(first:2){nodes{id routeFeatures{status} tailFeatures{age} cost{doubled}}}}"
    async with House.made(tmp_path / "p") as house:
        house.store.broken = {"features.route_delays"}
        assert await house.ask(query, ROOT) == {
            "data": {
                "flights": {
                    "nodes": [
                        {"id": "1", "routeFeatures": None, "tailFeatures": {"age": 9}, "cost": {"doubled": 240.0}},
                        {"id": "2", "routeFeatures": None, "tailFeatures": {"age": None}, "cost": {"doubled": 360.0}},
                    ]
                }
            },
            "errors": [error("flights", "nodes", 0, "routeFeatures"), error("flights", "nodes", 1, "routeFeatures")],
        }


async def test_a_model_is_not_asked_with_features_that_could_not_be_had(tmp_path: Path) -> None:
    """The input may be missing, and a missing one gives another score: a failed one gives none. Directly, and below
    another table."""
    query = "{flights(first:1){nodes{risk{probability} farRisk{probability} second{said}}}}"
    async with House.made(tmp_path / "p") as house:
        house.store.broken = {"features.route_delays"}
        body = await house.ask(query, ROOT)
        assert body["data"] == {"flights": {"nodes": [{"risk": None, "farRisk": None, "second": None}]}}
        places = [error["path"][-1] for error in body["errors"]]  # type: ignore[attr-defined]
        assert sorted(places) == ["farRisk", "risk", "second"]
        assert house.scorer.calls == []


async def test_paths_count_as_the_answer_does(tmp_path: Path) -> None:
    """In edges, behind a page's probe, below a single object, at a root by key."""
    query = """{
      flights(last:2){edges{node{id c: routeFeatures{status}}} pageInfo{hasPreviousPage}}
      flight(id:"3"){routeFeatures{status}}
      routeDelay(origin:"EWR",dest:"IAH"){status}
      planes{nodes{flights{nodes{routeFeatures{status}}}}}
    }"""
    async with House.made(tmp_path / "p") as house:
        house.store.broken = {"features.route_delays"}
        body = await house.ask(query, ROOT)
        edges = [["flights", "edges", 0, "node", "c"], ["flights", "edges", 1, "node", "c"]]
        wanted = [["routeDelay"], ["flight", "routeFeatures"], *edges, *_planes(body)]
        paths = [error["path"] for error in body["errors"]]  # type: ignore[attr-defined]
        assert sorted(paths, key=str) == sorted(wanted, key=str)
        assert body["data"]["routeDelay"] is None  # type: ignore[index]
        assert [edge["node"] for edge in body["data"]["flights"]["edges"]] == [  # type: ignore[index]
            {"id": "5", "c": None},
            {"id": "6", "c": None},
        ]


def _planes(body: dict[str, object]) -> list[list[object]]:
    planes = body["data"]["planes"]["nodes"]  # type: ignore[index]
    return [
        ["planes", "nodes", at, "flights", "nodes", row, "routeFeatures"]
        for at, plane in enumerate(planes)
        for row in range(len(plane["flights"]["nodes"]))
    ]


async def test_a_filter_by_what_fails_fails_its_root_alone(tmp_path: Path) -> None:
    query = "{a: flights(where:{routeFeatures:{meanDelay:{gt:0}}}){nodes{id}} b: flights(first:1){nodes{id}}}"
    async with House.made(tmp_path / "p") as house:
        house.store.broken = {"features.route_delays"}
        assert await house.ask(query, ROOT) == {
            "data": {"a": None, "b": {"nodes": [{"id": "1"}]}},
            "errors": [error("a")],
        }


async def test_many_failed_objects_are_named_up_to_a_bound(tmp_path: Path) -> None:
    rows = ", ".join(f"({id_}, 'UA', 'EWR', 'IAH', 'N1', 1000, {id_}, NULL)" for id_ in range(100, 250))
    query = "{flights(first:140){nodes{routeFeatures{status}}}}"
    pages = (("page_size: 20, max_page_size: 50", "max_page_size: 200"),)
    async with House.made(tmp_path / "p", more=(f"INSERT INTO flights VALUES {rows}",), settings=pages) as house:
        house.store.broken = {"features.route_delays"}
        body = await house.ask(query, ROOT)
        assert [error["path"][2] for error in body["errors"]] == list(range(100))  # type: ignore[attr-defined]
