"""The console's words for codes of the event stream, and its ways of writing times. Unknown codes are shown as they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from console.language import gettext as _
from console.language import lazy_gettext as _l
from console.language import lazy_pgettext as _lp

PHASES = {
    "ARRIVED": _l("呼入"),
    "MENU": _l("语音菜单"),
    "QUEUED": _l("排队"),
    "OFFERED": _l("振铃"),
    "SUMMONING": _l("呼叫坐席"),
    "DIALLING": _l("呼出振铃"),
    "CONNECTING": _l("接通分机中"),
    "TALKING": _l("通话"),
    "TRANSFERRING": _l("转接中"),
    "RATING": _l("评价"),
    "ENDED": _l("已结束"),
}

OUTCOMES = {
    "live": _l("进行中"),
    "talked": _l("已接通"),
    "missed": _l("未接通"),
    "menu": _l("仅菜单"),
    "unreached": _l("呼出未通"),
}

REASONS = {
    "completed": _l("正常结束"),
    "abandoned": _l("等待中挂机"),
    "hung_up_in_menu": _l("菜单中挂机"),
    "menu_ended": _l("菜单结束"),
    "time_limit": _l("等待超时"),
    "engine_lost": _l("系统中断"),
    "shutdown": _l("系统停止"),
    "internal_error": _l("系统故障"),
    "signalling_no_ack": _l("对方无应答确认"),
    "signalling_no_prack": _l("对方无应答确认"),
    "signalling_no_reinvite_answer": _l("对方信令中断"),
    "signalling_no_bye_answer": _l("对方信令中断"),
    "signalling_dialog_lost": _l("对方信令中断"),
    "signalling_session_expired": _l("对方信令中断"),
    "no_common_codec": _l("语音编码不兼容"),
    "media_lost": _l("语音中断"),
    "rtp_timeout": _l("线路无声"),
    "cut_off": _l("线路中断"),
    "declined": _l("坐席拒接"),
    "unreachable": _l("话机不在线"),
    "trunk_unreachable": _l("线路不通"),
    "no_port": _l("没有语音端口"),
    "busy": _l("线路忙"),
    "no_answer": _l("无人接听"),
    "not_confirmed": _l("手机未按键确认"),
    "refused": _l("对方未接受"),
    "invalid": _l("空号"),
    "given_up": _l("未接通前挂机"),
    "transfer_failed": _l("转接失败"),
    "expired": _l("请求过期"),
    "no_such_seat": _l("无此坐席"),
    "not_allowed": _l("不允许呼出"),
    "premium": _l("收费号码"),
    "foreign": _l("境外号码"),
    "caller_id": _l("无可用主叫号码"),
    "no_trunk": _l("无可用线路"),
    "closed": _l("非工作时间"),
    "no_number": _l("号码隐藏，无法回拨"),
    "served": _l("客户再次来电，已接听"),
    "promised": _l("已承诺回电"),
    "return_call": _l("客户要求回电"),
    "agreed": _l("与客户约好回电"),
    "voicemail": _l("留言"),
    "overflow": _l("排队已满"),
    "forbidden": _l("不允许呼出"),
    "no_rating": _l("菜单没有评价"),
    "unknown": _l("未知"),
}

RESULTS = {
    "reached": _l("已接通"),
    "busy": _l("对方忙"),
    "no_answer": _l("无人接听"),
    "refused": _l("对方未接受"),
    "invalid": _l("空号"),
    "not_called": _l("未呼出"),
}

KINDS = {"inbound": _lp("direction", "呼入"), "outbound": _l("呼出"), "internal": _l("内部")}

MISHEARD = {"unknown": _l("不在可说的词里"), "too_much": _l("话太长"), "noise": _l("只有噪声")}

NOT_HEARING = {
    "busy": _l("语音识别已满"),
    "slow": _l("语音识别太慢"),
    "failed": _l("语音识别中断"),
    "off": _l("语音识别已关闭"),
}

NODES = {
    "say": _l("播放语音"),
    "menu": _l("按键菜单"),
    "collect": _l("收集号码"),
    "dictation": _l("听写"),
    "extension": _l("拨分机"),
    "condition": _l("按条件分流"),
    "hours": _l("判断工作时间"),
    "goto": _l("跳转"),
    "flow": _l("子流程"),
    "return": _l("子流程结束"),
    "language": _l("选择语言"),
    "lookup": _l("查询业务系统"),
    "set": _l("记下资料"),
    "queue": _l("排队"),
    "rating": _l("满意度评价"),
    "return_call": _l("登记回电"),
    "transfer": _l("转接外线"),
    "voicemail": _l("留言"),
    "hangup": _l("挂机"),
}

ENDINGS = {"-end": _l("结束语"), "-closed": _l("非工作时间结束"), "-time_limit": _l("等待超时结束")}
"""What people call the endings that every menu has."""

OWED = {"any": _l("应回电"), "open": _l("还欠着"), "done": _l("已处理")}

SORTS = {"newest": _l("最新在前"), "oldest": _l("最早在前"), "talk": _l("通话最长"), "wait": _l("等待最久")}

SIDES = {"caller": _l("客户"), "seat": _l("坐席"), "system": _l("系统")}

SEAT_STATES = {
    "idle": _l("空闲"),
    "reserved": _l("分配中"),
    "ringing": _l("振铃"),
    "dialling": _l("拨号中"),
    "talking": _l("通话"),
    "wrap-up": _l("整理"),
    "break": _l("小休"),
    "off": _l("签出"),
    "set_aside": _l("暂停派话"),
    "not_registered": _l("话机离线"),
}

CALL_HEADS = {
    "reserved": _l("有来电"),
    "ringing": _l("来电振铃，请接电话"),
    "talking": _l("正在通话"),
    "wrap-up": _l("刚才的通话"),
}

DIAL_STEPS = {
    "asked": _l("准备"),
    "seat": _l("我的话机"),
    "customer": _l("呼叫对方"),
    "ringing": _l("对方振铃"),
    "talking": _l("通话"),
}

DIAL_HINTS = {
    "asked": _l("正在准备"),
    "seat": _l("您的话机在振铃，请接起"),
    "customer": _l("正在呼叫对方"),
    "ringing": _l("对方在振铃"),
    "talking": _l("通话中"),
}

DIAL_OUTCOMES = {
    "talked": _l("已接通"),
    "busy": _l("对方忙"),
    "no_answer": _l("对方无人接听"),
    "refused": _l("对方未接受"),
    "wrong_number": _l("空号"),
    "forbidden": _l("不允许呼出"),
    "given_up": _l("未接通前您挂机"),
    "seat_busy": _l("您的话机忙"),
    "seat_no_answer": _l("您的话机没有接起"),
    "seat_declined": _l("您的话机拒接"),
    "seat_offline": _l("您的话机不在线"),
    "failed": _l("没有拨成"),
}

TRIED = {
    "busy": "no_answer",
    "no_answer": "no_answer",
    "refused": "no_answer",
    "wrong_number": "wrong_number",
    "talked": "reached",
}
"""What a dialling's outcome makes of a return call, a key of console.words.OUTCOMES; any other was no try."""

BANS = {"passwords": _l("试探密码"), "scan": _l("扫描号码"), "garbage": _l("垃圾报文")}

PARTS = {"redis": _l("实时数据（Redis）"), "scribe": _l("记录员（scribe）"), "sql": _l("数据库（SQL）")}

TRUNK_FAULTS = {"not_found": _l("域名无法解析"), "no_answer": _l("对端无应答"), "not_registered": _l("注册失败")}

LINE_STATES = {
    "up": _l("正常"),
    "down": _l("中断"),
    "silent": _l("不检测"),
    "unknown": _l("未知"),
}

REFUSALS = {"blocked": _l("黑名单"), "too_many_calls": _l("来电过于频繁")}

STATES = {"open": _l("待回电"), "claimed": _l("处理中"), "closed": _l("已回电"), "waived": _l("免回")}

LEDGER = {
    "opened": _l("产生"),
    "attached": _l("又一次来电"),
    "claimed": _l("认领"),
    "handed_over": _l("转交"),
    "released": _l("放回"),
    "result": _l("未接通，继续待回"),
    "closed": _l("结清"),
    "waived": _l("免回"),
    "agreed": _l("约好回电时间"),
}

_EVENTS = {
    "arrived": _l("客户来电"),
    "early_media": _l("应答前放音"),
    "answered": _l("应答"),
    "menu": _l("进入菜单"),
    "key": _l("按键"),
    "queued": _l("进入队列"),
    "offered": _l("分配坐席"),
    "ringing": _l("坐席振铃"),
    "refused": _l("坐席拒接"),
    "no_answer": _l("坐席未接"),
    "requeued": _l("回到队列，保留位置"),
    "talking": _l("接通坐席"),
    "outbound_started": _l("呼出"),
    "seat_answered": _l("坐席接起"),
    "answer_unconfirmed": _l("等待按键确认"),
    "redirected": _l("转移呼叫"),
    "consulting": _l("咨询第三方"),
    "consult_ended": _l("咨询结束"),
    "transferring": _l("转接中"),
    "transferred": _l("已转接"),
    "transfer_failed": _l("转接失败"),
    "transfer_refused": _l("转接被拒"),
    "held": _l("保持"),
    "unheld": _l("取消保持"),
    "recording": _l("开始录音"),
    "recording_gap": _l("录音缺口"),
    "media_lost": _l("语音中断"),
    "media_back": _l("语音恢复"),
    "engine_restarted": _l("引擎重启，通话继续"),
    "time_limit": _l("等待超时"),
    "overflow": _l("排队已满"),
    "closed": _l("非工作时间"),
    "owed": _l("承诺回电"),
    "queue_left": _l("按键离开队列"),
    "connecting": _l("接通分机或外线"),
    "connect_failed": _l("分机或外线未接通"),
    "after_talk": _l("坐席先挂机，客户继续"),
    "promised": _l("承诺回电"),
    "voicemail": _l("留言"),
    "rated": _l("满意度评价"),
    "entered": _l("输入"),
    "said": _l("说"),
    "misheard": _l("没听懂"),
    "not_hearing": _l("改用按键"),
    "unrecorded": _l("客户不同意录音"),
    "ended": _l("结束"),
}

_TROUBLE = frozenset(
    {
        "refused",
        "no_answer",
        "recording_gap",
        "media_lost",
        "engine_restarted",
        "time_limit",
        "overflow",
        "closed",
        "owed",
        "promised",
        "voicemail",
        "transfer_failed",
    }
)


def label(words: Mapping[str, Any], code: str) -> str:
    """The word for `code`, or the code itself."""
    return str(words.get(code, code))


def event_label(kind: str) -> str:
    """The word for a call event's type."""
    return label(_EVENTS, kind)


def event_tone(kind: str) -> str:
    """How an event is set off in a timeline: "good", "bad" or ""."""
    if kind == "talking":
        return "good"
    return "bad" if kind in _TROUBLE else ""


def duration(seconds: float | None) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03; an en dash for None."""
    if seconds is None:
        return "–"
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(share: float | None) -> str:
    """A share of 1 as 0.3 %; an en dash for None."""
    return "–" if share is None else f"{100 * share:.1f} %"


def milliseconds(value: float | None) -> str:
    """12 ms; an en dash for None."""
    return "–" if value is None else f"{value:.0f} ms"


def moment(at: float | None, zone: ZoneInfo, form: str = "%m-%d %H:%M:%S") -> str:
    """Epoch seconds as local time; an en dash for None."""
    return "–" if at is None else datetime.fromtimestamp(at, zone).strftime(form)


def date_of(day: date) -> str:
    """A day as people write it."""
    return _("%(year)s 年 %(month)s 月 %(day)s 日", year=day.year, month=day.month, day=day.day)


def phone(number: str) -> str:
    """A number in groups, as people read it out: 139 1234 5678, 0471 4613311 and others as they are."""
    if len(number) == 11 and number.startswith("1") and number.isdigit():
        return f"{number[:3]} {number[3:7]} {number[7:]}"
    if number.startswith("0") and not number.startswith("00") and number.isdigit() and 10 <= len(number) <= 12:
        area = 3 if number[1] in "12" else 4
        return f"{number[:area]} {number[area:]}"
    return number
