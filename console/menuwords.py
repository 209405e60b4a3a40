"""The console's words for menus: kinds of nodes, ways out of them, ends of calls, prompts and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.labels import label
from console.language import gettext as _
from console.language import lazy_gettext as _l
from console.sounding import NoSound, written
from ivr.flow.events import Speech
from ivr.flow.model import AnyNode
from ivr.flow.nodes.condition import Condition, When
from ivr.flow.outline import Way
from ivr.flow.parts import LANGUAGES, Language, Path, Prompt, Read, Text, filled, names_in, words_in
from ivr.flow.simulate import Texts
from prompts.importing import Flaw, ImportFailed

KINDS = {
    "say": _l("播放"),
    "menu": _l("按键菜单"),
    "collect": _l("收号"),
    "dictation": _l("听写"),
    "language": _l("选语言"),
    "extension": _l("拨分机"),
    "condition": _l("按条件"),
    "hours": _l("看工作时间"),
    "lookup": _l("查询系统"),
    "set": _l("设变量"),
    "goto": _l("跳转"),
    "flow": _l("子流程"),
    "return": _l("子流程结束"),
    "queue": _l("排队"),
    "return_call": _l("登记回电"),
    "voicemail": _l("留言"),
    "transfer": _l("转外线"),
    "rating": _l("满意度评价"),
    "hangup": _l("挂机"),
}

ROOTS = {
    "start": _l("来电从这里开始"),
    "after_talk": _l("坐席挂机后"),
    "human": _l("转人工时"),
    "unreached": _l("没有路通到这里"),
}

_WAYS: Mapping[str, Any] = {
    "then": _l("然后"),
    "to": _l("然后"),
    "flow": _l("进入"),
    "else": _l("其他情况"),
    "open": _l("上班时间"),
    "closed": _l("下班时间"),
    "holiday": _l("节假日"),
    "found": _l("查到"),
    "not_found": _l("没查到"),
    "failed": _l("失败"),
    "on_timeout": _l("等太久"),
    "on_closed": _l("下班了"),
    "on_overflow": _l("排满了"),
    "declined": _l("不要回电"),
    "without": _l("没有听到"),
    "no_input": _l("没有按键"),
    "no_match": _l("按错"),
    "invalid": _l("输入不对"),
    "not_there": _l("分机无人接"),
}

_SAID: Mapping[str, Any] = {
    "greeting": _l("入队前"),
    "music": _l("等候音乐"),
    "announce.prompt": _l("等候时"),
    "no_input.prompt": _l("没有按键"),
    "no_match.prompt": _l("按错"),
    "invalid.prompt": _l("输入不对"),
    "not_there.prompt": _l("分机无人接"),
    "decline.prompt": _l("不录音时"),
    "read_back.before": _l("复述前"),
    "read_back.after": _l("复述后"),
    "connecting": _l("接通前"),
    "beep": _l("嘀声"),
    "saved": _l("已保存"),
    "too_short": _l("太短"),
    "not_saved": _l("没存上"),
    "number_prompt": _l("问号码"),
    "before": _l("复述前"),
    "after": _l("复述后"),
    "promised": _l("登记后"),
    "thanks": _l("评价后"),
}

_WHEN: Mapping[str, Any] = {
    "class": _l("客户级别"),
    "tag": _l("客户标签"),
    "calls": _l("第几次来电"),
    "caller": _l("来电号码"),
    "province": _l("省份"),
    "city": _l("城市"),
    "called": _l("被叫号码"),
    "language": _l("语言"),
    "time": _l("时间"),
    "weekday": _l("星期"),
    "open": _l("正在上班"),
    "queue": _l("队列"),
    "waiting_over": _l("等待人数超过"),
    "wait_over_s": _l("等待秒数超过"),
    "ready_below": _l("空闲坐席少于"),
}

SPOKEN = {"zh": _l("中文"), "en": _l("英文"), "common": _l("通用")}

READINGS = {
    "number": _l("数"),
    "count": _l("个数"),
    "digits": _l("逐位"),
    "phone": _l("电话号码"),
    "order": _l("单号"),
    "amount": _l("金额"),
    "date": _l("日期"),
    "weekday": _l("星期"),
    "time": _l("时间"),
    "duration": _l("时长"),
    "wait": _l("等待时间"),
    "ordinal": _l("第几"),
    "percent": _l("百分比"),
}

ORIGINS = {"packaged": _l("自带"), "synthesised": _l("自己的文字"), "own recording": _l("自己的录音")}


def way_label(way: Way, node: AnyNode | None) -> str:
    """How one goes there: a key, an event, a condition. node: the one that the way leads from."""
    if way.at[0] == "cases" and isinstance(node, Condition):
        return when_text(node.cases[int(way.at[1])].when)
    if way.at[0] == "keys":
        return _("按 %(key)s", key=way.key)
    if way.at[0] == "directory":
        return _("分机 %(number)s", number=way.key)
    return label(_WAYS, way.at[0])


def when_text(when: When) -> str:
    """A condition in words."""
    parts = []
    for name, value in when.model_dump(mode="json", by_alias=True, exclude_defaults=True).items():
        if name == "variables":
            parts += [f"{variable} = {_listed(values)}" for variable, values in value.items()]
        elif name == "queue":
            told = [f"{label(_WHEN, inner)} {limit}" for inner, limit in value.items() if inner != "name"]
            parts.append(" ".join([label(_WHEN, name), value["name"], *told]))
        else:
            parts.append(f"{label(_WHEN, name)} {_listed(value)}")
    return _(" 且 ").join(parts)


def _listed(value: Any) -> str:
    return " / ".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)


def words_text(way: Way, language: Language) -> str:
    """What may be said instead of the key, in the menu's language, else in another."""
    found = (words_in(way.words, each) for each in (language, *LANGUAGES))
    return " / ".join(next((words for words in found if words), ()))


def said_label(at: Path) -> str:
    """When a prompt of a node is said; "" for its own first words."""
    name = ".".join(at)
    return "" if name == "prompt" else label(_SAID, name)


def detail(node: AnyNode) -> str:
    """What a kind of node is about: the queue, the number, the variable."""
    match node.kind:
        case "queue":
            return node.queue
        case "transfer":
            return node.number
        case "collect" | "dictation":
            return node.into
        case "hours":
            return "" if node.calendar == "default" else node.calendar
        case "lookup":
            return node.lookup
        case "flow":
            return node.flow
        case "set":
            return _("、").join(f"{name} = {value}" for name, value in node.values.items())
        case "language":
            return _("、").join(f"{key} {label(SPOKEN, spoken)}" for key, spoken in node.keys.items())
        case "rating":
            return _("、").join(f"{key} {meaning}" for key, meaning in node.keys.items())
        case "return_call":
            return _("按 %(key)s 同意", key=node.accept)
        case _:
            return ""


def prompt_text(prompt: Prompt, language: str, texts: Texts) -> str:
    """A prompt for who reads."""
    match prompt:
        case Text():
            return prompt.in_language(language)
        case Read():
            return _("〔读出 %(name)s：%(kind)s〕", name=prompt.read, kind=label(READINGS, prompt.as_))
        case name:
            return texts(name, language)


def hearable(prompts: tuple[Prompt, ...], language: str) -> list[str]:
    """What can be heard of prompts while nobody calls: values are left out."""
    items = []
    for prompt in prompts:
        if isinstance(prompt, Text):
            text = prompt.in_language(language)
            items.append(written(Speech(filled(text, dict.fromkeys(names_in(text), "")))))
        elif isinstance(prompt, str):
            items.append(written(prompt))
    return items


def end_text(end: str, queues: Mapping[str, str]) -> str:
    """Where a simulated call is; "" while the menu waits for the caller."""
    kind, _sep, name = end.partition(" ")
    match kind:
        case "queue":
            return _("进入队列：%(name)s", name=queues.get(name, name))
        case "seat":
            return _("呼叫坐席 %(name)s", name=name)
        case "number":
            return _("呼叫外线 %(name)s", name=name)
        case "message":
            return _("开始留言")
        case "hangup":
            return _("挂机，通话结束")
        case _:
            return ""


def no_sound(error: NoSound) -> str:
    """Why something can't be heard."""
    match error.code:
        case "missing":
            return _("没有叫 %(name)s 的提示音。", name=error.what)
        case "voice":
            return _("这段文字读不出来：太长，或者没有这种语言的声音。")
        case "value":
            return _("%(value)s 不能这样读。", value=error.what)
        case "file":
            return _("%(name)s 的文件放不出来：它应该是 8 kHz 单声道 16 位的 WAV。", name=error.what)
        case _:
            return _("没有可以听的内容。")


def import_fault(error: ImportFailed) -> str:
    """Why a recording can't become a prompt."""
    values = error.values
    match error.code:
        case "size":
            return _("文件太大，最多 %(limit)s MB。", **values)
        case "empty":
            return _("这个文件里没有声音。")
        case "silent":
            return _("录音里听不到声音（%(level)s dB）。", **values)
        case "length":
            return _("录音太长，最多 %(limit)s 秒。", **values)
        case "kind" | "coding":
            return _("这不是能读的声音文件。WAV、MP3、M4A、AMR、Ogg、FLAC、WMA 都可以。")
        case "rate":
            return _("采样率 %(rate)s 不是录音会用的。", **values)
        case "channels":
            return _("有 %(channels)s 个声道，最多 %(limit)s 个。", **values)
        case _:
            return _("这个文件中途变了格式或者损坏了。")


def flaw(found: Flaw) -> str:
    """What is worth a warning about a recording."""
    match found.code:
        case "long":
            return _("提示音长 %(seconds)s 秒，来电者最多能听进 %(limit)s 秒。", **found.values)
        case "overdriven":
            return _("录音过载（%(share)s 被削顶），请离话筒远一点重录。", **found.values)
        case "soft":
            return _("录音太轻（%(level)s dB），杂音也一起放大了。", **found.values)
        case _:
            return _("有 %(parts)s 处损坏，已跳过。", **found.values)
