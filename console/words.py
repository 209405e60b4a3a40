"""The console's words about people and their hours: roles, what is wrong with an account, what was changed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from console import passwords
from console.labels import moment
from console.language import gettext as _
from console.language import lazy_gettext as _l
from console.language import lazy_pgettext as _lp
from routing.limits import MAX_NAME, QUEUE_S

ROLES = {"seat": _l("坐席"), "supervisor": _l("主管"), "administrator": _l("管理员")}

WEEKDAYS = {
    "mon": _l("周一"),
    "tue": _l("周二"),
    "wed": _l("周三"),
    "thu": _l("周四"),
    "fri": _l("周五"),
    "sat": _l("周六"),
    "sun": _l("周日"),
}

DAYS = {
    "edited": _l("单日设置"),
    "settings": _l("配置文件"),
    "holiday": _l("法定节假日"),
    "makeup": _l("调休上班日"),
    "week": _l("每周工作时间"),
}
"""What says how a day is: followup.calendar.Source."""

DAY_CHANGES = {"set": _l("改为"), "unset": _l("恢复默认")}

CHANGES = {
    "person_added": _l("添加人员"),
    "person_changed": _l("修改人员"),
    "person_disabled": _l("停用账号"),
    "person_enabled": _l("恢复账号"),
    "password_set": _l("设置密码"),
    "password_reset": _l("重置密码"),
    "signed_out": _l("全部登出"),
    "token_made": _l("新建令牌"),
    "token_revoked": _l("吊销令牌"),
    "locked": _l("锁定登录"),
    "lock_lifted": _l("解除锁定"),
    "seat_off": _l("签退坐席"),
    "number_blocked": _l("加入黑名单"),
    "number_unblocked": _l("移出黑名单"),
    "ban_lifted": _l("解除封禁"),
    "return_call_released": _l("放回回电"),
    "return_call_handed_over": _l("转交回电"),
    "return_call_settled": _l("登记回电结果"),
    "return_call_waived": _l("免回"),
    "queue_changed": _l("修改队列"),
    "seat_changed": _l("修改坐席"),
    "setting_given_back": _l("恢复默认"),
    "week_changed": _l("修改每周工作时间"),
    "day_set": _l("设置单日工作时间"),
    "day_unset": _l("单日恢复为默认"),
    "menu_drafted": _l("保存菜单草稿"),
    "menu_published": _l("发布菜单"),
    "menu_rolled_back": _l("恢复旧版菜单"),
    "prompt_recorded": _l("上传提示音"),
    "recording_heard": _l("收听录音"),
    "message_heard": _l("收听留言"),
    "calls_exported": _l("导出通话记录"),
}

FIELDS = {
    "name": _l("姓名"),
    "role": _l("角色"),
    "seat": _l("工号"),
    "until": _l("直到"),
    "reason": _l("原因"),
    "hours": _l("小时"),
    "owner": _l("负责人"),
    "outcome": _l("结果"),
    "note": _l("说明"),
    "state": _l("状态"),
    "ring_timeout_s": _l("振铃超时（秒）"),
    "time_limit_s": _l("最长等待（秒）"),
    "wrap_up_s": _l("话后整理（秒）"),
    "set_aside_s": _l("未接后暂停（秒）"),
    "in_time_s": _l("服务水平目标（秒）"),
    "music": _l("等待音乐"),
    "queues": _l("技能组"),
    "enabled": _l("启用派话"),
    "date": _l("日期"),
    "open": _l("工作时间"),
    **WEEKDAYS,
    "makeup": _l("调休上班日"),
    "version": _l("版本"),
    "revision": _l("第几次保存"),
    "text_of": _l("内容来自版本"),
    "seconds": _l("秒"),
    "take": _l("段"),
    "form": _l("格式"),
    "rows": _l("条数"),
    "number": _l("号码"),
    "from": _l("从"),
    "to": _l("到"),
    "hotline": _l("热线"),
    "queue": _l("队列"),
    "kind": _l("方向"),
    "owed": _l("回电"),
    "talk": _l("通话秒数"),
    "recorded": _l("有录音"),
    "message": _l("有留言"),
    "sort": _l("排序"),
}

SUBJECTS = {
    "person": _l("人员"),
    "account": _l("账号"),
    "address": _l("地址"),
    "seat": _l("坐席"),
    "number": _l("号码"),
    "return_call": _lp("one", "回电"),
    "calendar": _l("工作时间"),
    "queue": _l("队列"),
    "menu": _lp("one", "菜单"),
    "prompt": _lp("one", "提示音"),
    "call": _lp("one", "通话"),
    "calls": _l("通话记录"),
}

OUTCOMES = {
    "reached": _l("已联系上"),
    "done": _l("已另行办结"),
    "wrong_number": _l("空号或打错"),
    "no_answer": _l("无人接听"),
}


def hours_fault(code: str, span: str) -> str:
    """What is wrong with hours that were typed."""
    match code:
        case "unreadable":
            return _("没有保存：“%(span)s”不是时间段，请写成 09:00-12:00 这样。", span=span)
        case "overlap":
            return _("没有保存：同一天的时间段重叠了（%(span)s）。", span=span)
        case "too_many":
            return _("没有保存：一天的时间段太多了。")
        case _:
            return _("没有保存：请填写工作时间，例如 09:00-12:00。")


def edit_fault(code: str, key: str) -> str:
    """What is wrong with a queue or a seat that was typed."""
    match code:
        case "number":
            least, most = QUEUE_S[key]
            return _(
                "没有保存：%(field)s应在 %(least)s 到 %(most)s 之间。", field=FIELDS[key], least=f"{least:g}", most=f"{most:g}"
            )
        case "music":
            return _("没有保存：没有这段等待音乐。")
        case "name":
            return _("没有保存：姓名最多 %(n)s 字。", n=MAX_NAME)
        case _:
            return _("没有保存：没有这个技能组或级别。")


def changed_meanwhile(author: str, at: float, zone: ZoneInfo) -> str:
    """Somebody else was faster."""
    if not author:
        return _("没有保存：别人刚刚把它恢复成了默认。请看过现在的内容，需要的话再保存一次。")
    when = moment(at, zone, "%m-%d %H:%M")
    return _("没有保存：%(who)s 在 %(when)s 改过。请看过现在的内容，需要的话再保存一次。", who=author, when=when)


def account_fault(code: str) -> str:
    """What is wrong, to be shown beside the form."""
    match code:
        case "login_wrong":
            return _("登录名为 2 到 32 个小写字母、数字或 . _ -，以字母或数字开头。")
        case "login_taken":
            return _("这个登录名已经有人用了。")
        case "name_needed":
            return _("请填写名称（最多 64 字）。")
        case "seat_needed":
            return _("坐席需要一个工号。")
        case "seat_unknown":
            return _("没有这个工号的坐席。")
        case "seat_taken":
            return _("这个工号已经属于别人。")
        case "last_administrator":
            return _("这是唯一的管理员，不能停用或改变角色。")
        case "disabled":
            return _("这个账号已停用。")
        case "not_found":
            return _("没有这个人。")
        case "too_short":
            return _("密码至少 %(n)s 个字符。", n=passwords.MIN_LENGTH)
        case "too_long":
            return _("密码最多 %(n)s 个字符。", n=passwords.MAX_LENGTH)
        case "common":
            return _("这个密码太常见，请换一个。")
        case "simple":
            return _("密码里不同的字符太少。")
        case "like_login":
            return _("密码不能和登录名差不多。")
        case "differs":
            return _("两次输入的密码不一样。")
        case _:
            return code
