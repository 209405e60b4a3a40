"""Rules about where ways lead: targets that aren't there, nodes that nobody reaches, endless rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ivr.flow.checks.survey import Survey, rounds
from ivr.flow.finding import Finding
from ivr.flow.nodes.goto import Return, Subflow

SHOWN = 20
"""So many names a message lists."""


def missing_targets(survey: Survey) -> Iterator[Finding]:
    """Ways lead to nodes that are there."""
    document = survey.document
    outer = tuple(list(document.nodes)[:SHOWN])
    for at, to in (("start", document.start), ("human", document.human), ("after_talk", document.after_talk)):
        if to is not None and to not in document.nodes:
            yield survey.found((at,), "missing_target", to=to, nodes=outer)
    for name, flow in document.flows.items():
        if flow.start not in flow.nodes:
            yield survey.found(("flows", name, "start"), "missing_target", to=flow.start, nodes=tuple(list(flow.nodes)[:SHOWN]))
    for name, node in document.every_node.items():
        for edge in node.edges():
            if edge.to is not None and document.node(document.resolve(name, edge.to)) is None:
                inside = document.flows[name.rpartition(":")[0]].nodes if ":" in name else {}
                nodes = tuple([*inside, *document.nodes][:SHOWN])
                yield survey.at(name, edge.at, "missing_target", to=edge.to, nodes=nodes)
        if isinstance(node, Subflow) and node.flow not in document.flows:
            yield survey.at(name, ("flow",), "missing_flow", flow=node.flow, flows=tuple(list(document.flows)[:SHOWN]))
        if isinstance(node, Return) and ":" not in name:
            yield survey.at(name, (), "return_outside")


def unreachable(survey: Survey) -> Iterator[Finding]:
    """Every node is for somebody. Where the first one is missing that says all."""
    if not survey.reached:
        return
    entered = {name.rpartition(":")[0] for name in survey.reached}
    for flow in survey.document.flows:
        if flow not in entered:
            yield survey.found(("flows", flow), "unreachable.flow", flow=flow)
    for name in survey.document.every_node:
        if name not in survey.reached and (":" not in name or name.rpartition(":")[0] in entered):
            yield survey.at(name, (), "unreachable")


def loops(survey: Survey) -> Iterator[Finding]:
    """No caller goes round without end: not without being asked, and not for being silent."""
    nodes = [name for name in survey.document.every_node if name in survey.reached]
    hasty = {name for name in nodes if not survey.node(name).asks}
    for group in rounds(_graph(survey, [name for name in nodes if name in hasty], instant=True)):
        yield survey.at(group[0], (), "loop", trail=tuple(group))
    for group in rounds(_graph(survey, nodes, instant=False)):
        if any(survey.node(name).asks for name in group):
            yield survey.at(group[0], (), "silent_loop", trail=tuple(group))


def _graph(survey: Survey, nodes: Iterable[str], *, instant: bool) -> Mapping[str, list[str]]:
    """The ways among these nodes that are taken though the caller does nothing. Who enters a sub-flow comes to `then` only if
    they can come through it so."""
    kept = set(nodes)
    ways = {
        name: [way for way in survey.ways[name] if way.to in kept and (way.instant if instant else way.silent)]
        for name in nodes
    }
    passed: set[str] = set()
    while True:
        graph = {
            name: [
                way.to
                for way in ways[name]
                if way.at != ("then",) or not isinstance(node := survey.node(name), Subflow) or node.flow in passed
            ]
            for name in nodes
        }
        through = {flow for flow in survey.document.flows if flow not in passed and _comes_through(survey, flow, graph)}
        if not through:
            return graph
        passed |= through


def _comes_through(survey: Survey, flow: str, graph: Mapping[str, list[str]]) -> bool:
    """Whether these ways lead from the sub-flow's first node to a return."""
    open_ = [f"{flow}:{survey.document.flows[flow].start}"]
    seen = set(open_)
    while open_:
        name = open_.pop()
        if name in graph and isinstance(survey.node(name), Return):
            return True
        onward = {to for to in graph.get(name, ()) if to.rpartition(":")[0] == flow} - seen
        seen |= onward
        open_ += onward
    return False
