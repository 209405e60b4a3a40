"""[io] Menus (菜单): how those of all hotlines stand; one to read as a tree, edit, try out and publish; its history."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import menuwords, menuwork
from console.gate import takes
from console.language import gettext as _
from console.menuwork import Standing
from console.roles import Role, needs
from ivr.flow.desk import Unfit
from ivr.flow.drafts import MAX_NOTE, Edited
from ivr.flow.finding import Finding
from ivr.flow.load import load
from ivr.flow.outline import outline
from routing.menus import Conflict

blueprint = Blueprint("menus", __name__, url_prefix="/menus")

MAX_FORM_BYTES = 512 * 1024
"""A menu of routing.menus.MAX_BYTES, and what is sent with it."""


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """All hotlines."""
    return render_template("menus/index.html", rows=menuwork.overview())


@blueprint.get("/<hotline>")
@needs(Role.SUPERVISOR)
def show(hotline: str) -> str:
    """One hotline's menu: its draft, else what is published."""
    return _page(menuwork.standing(hotline), done=request.args.get("done", ""))


@blueprint.post("/<hotline>")
@needs(Role.SUPERVISOR)
@takes(MAX_FORM_BYTES)
def act(hotline: str) -> Response:
    """Do `action` with `source`, which was made from `revision` and `based_on`: save, or save and publish with `note`; or save
    `over` another revision, to `rebase` on another version, or to `restart` from what is published. 409 and the page, with all
    that was typed, if not."""
    source = request.form.get("source", "").replace("\r\n", "\n")
    note = request.form.get("note", "")
    revision, based_on = request.form.get("revision", 0, type=int), request.form.get("based_on", type=int)
    action = request.form.get("action", "")
    if not {"over", "rebase", "restart"}.isdisjoint(request.form):  # who has seen what others did saves over it
        action = "save"
        revision, based_on = request.form.get("over", revision, type=int), request.form.get("rebase", based_on, type=int)
    if action not in ("save", "publish"):
        abort(400)
    try:
        before = menuwork.standing(hotline)
        if "restart" in request.form and before.published:  # the draft is given up for what callers hear
            source, based_on = before.published.source, before.current
        if action == "save" or before.draft is None or before.draft.source != source or before.draft.revision != revision:
            revision = menuwork.save(hotline, source, revision, based_on)
        if action == "publish":
            menuwork.publish(hotline, revision, note)
    except menuwork.Refusals as error:
        found, said = menuwork.standing(hotline), menuwork.fault(error)
        return make_response(_page(found, source, error, said, note, revision, based_on), 409)
    return make_response(redirect(url_for(".show", hotline=hotline, done=action), 303))


@blueprint.post("/<hotline>/tree")
@needs(Role.SUPERVISOR)
@takes(MAX_FORM_BYTES)
def tree(hotline: str) -> str:
    """A piece of the page: `source` as a tree."""
    menuwork.standing(hotline)
    return render_template("menus/tree.html", **_tree(hotline, request.form.get("source", "")))


@blueprint.post("/<hotline>/changes")
@needs(Role.SUPERVISOR)
@takes(MAX_FORM_BYTES)
def changes(hotline: str) -> str:
    """A piece of the page: what `source` would change of what is published; with `against`=draft: of the saved draft."""
    against_draft = request.form.get("against") == "draft"
    told = menuwork.changes_of(hotline, request.form.get("source", ""), against_draft=against_draft)
    return render_template("menus/changes.html", lines=told.splitlines())


@blueprint.get("/<hotline>/versions")
@needs(Role.SUPERVISOR)
def history(hotline: str) -> str:
    """All versions, the newest first."""
    found = menuwork.standing(hotline)
    return render_template("menus/history.html", found=found, versions=menuwork.versions(hotline))


@blueprint.get("/<hotline>/versions/<int:version>")
@needs(Role.SUPERVISOR)
def version(hotline: str, version: int) -> str:
    """One version: its text, and what it changed of ?against= (a version; else the one it was made from)."""
    return _version(hotline, version)


@blueprint.post("/<hotline>/versions/<int:version>")
@needs(Role.SUPERVISOR)
def rollback(hotline: str, version: int) -> Response:
    """Have new calls hear this version's text again, with `note`; 409 and the page with the fault if not."""
    try:
        menuwork.rollback(hotline, version, request.form.get("note", ""))
    except menuwork.Refusals as error:
        findings = error.findings if isinstance(error, Unfit) else []
        return make_response(_version(hotline, version, menuwork.fault(error), findings), 409)
    return make_response(redirect(url_for(".history", hotline=hotline), 303))


def _page(
    found: Standing,
    source: str | None = None,
    error: Exception | None = None,
    fault: str = "",
    note: str = "",
    revision: int | None = None,
    based_on: int | None = None,
    done: str = "",
) -> str:
    """source, revision, based_on: what was typed and what it was made from, where that isn't what is stored."""
    text = found.source if source is None else source
    read = (found.draft.revision if found.draft else 0) if revision is None else revision
    base = (found.draft.based_on if found.draft else found.current) if based_on is None else based_on
    findings = menuwork.check(found.hotline, text)
    return render_template(
        "menus/show.html",
        found=found,
        source=text,
        findings=findings,
        findings_json=[finding.to_json(menuwork.language()) for finding in findings],
        language=menuwork.language(),
        fault=fault,
        edited=isinstance(error, Edited),
        conflict=isinstance(error, Conflict),
        note=note,
        revision=read,
        based_on=base,
        done=done,
        max_note=MAX_NOTE,
        editor_words=_editor_words(),
        **_tree(found.hotline, text),
    )


def _version(hotline: str, version: int, fault: str = "", findings: list[Finding] | None = None) -> str:
    one, found = menuwork.version_of(hotline, version), menuwork.standing(hotline)
    known = {each.version for each in menuwork.versions(hotline)}
    against = request.args.get("against", one.based_on, type=int)
    told = menuwork.diff(hotline, against, version) if against in known else ""
    return render_template(
        "menus/version.html",
        found=found,
        one=one,
        against=against if against in known else 0,
        lines=told.splitlines()[2:],  # without the versions' names, which the page says
        fault=fault,
        findings=findings or [],
        language=menuwork.language(),
        max_note=MAX_NOTE,
    )


def _tree(hotline: str, source: str) -> dict[str, object]:
    """What menus/tree.html draws."""
    loaded = load(source, hotline)
    document = loaded.document
    spoken = document.language if document else "zh"
    return {
        "rows": outline(loaded),
        "spoken": spoken,
        "texts": menuwork.workshop().texts(),
        "menuwords": menuwords,
        "document": document,
    }


def _editor_words() -> dict[str, object]:
    """What console/static/menus.js says."""
    return {
        "error": _("错误"),
        "warning": _("警告"),
        "line": _("第 %(n)s 行"),
        "whole": _("整个菜单"),
        "fine": _("没有发现问题，可以发布。"),
        "counted": _("%(errors)s 处错误，%(warnings)s 处警告"),
        "checking": _("正在检查……"),
        "unchecked": _("现在检查不了，连上后会再试。"),
        "saved": _("已保存，第 %(n)s 次。"),
        "unsaved": _("有未保存的修改"),
        "offline": _("连不上服务器，没有保存。内容还在这里，稍后再试。"),
        "logged_out": _("登录已过期，没有保存。请在新标签页里重新登录，再回到这里保存。"),
        "no_sound": _("这段声音放不出来。"),
        "waiting": _("等待来电者按键或说话"),
        "pressed": _("按 %(keys)s"),
        "said": _("说“%(text)s”"),
        "hear": _("试听"),
        "calling": _("拨入"),
        "endless": _("菜单自己绕圈，永远停不下来。"),
        "editor": _("菜单内容"),
        "phrases": {
            "Find": _("查找"),
            "Replace": _("替换为"),
            "next": _("下一个"),
            "previous": _("上一个"),
            "all": _("全选"),
            "match case": _("区分大小写"),
            "by word": _("整词"),
            "regexp": _("正则"),
            "replace": _("替换"),
            "replace all": _("全部替换"),
            "close": _("关闭"),
            "Go to line": _("转到行"),
            "go": _("转到"),
            "current match": _("当前匹配"),
            "on line": _("在第"),
            "replaced match on line $": _("已替换第 $ 行的匹配"),
            "replaced $ matches": _("已替换 $ 处"),
            "Fold line": _("折叠"),
            "Unfold line": _("展开"),
            "folded code": _("已折叠"),
            "unfold": _("展开"),
            "Control character": _("控制字符"),
            "Selection deleted": _("已删除所选"),
        },
    }
