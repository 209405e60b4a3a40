"""What findings say about a text that is no document. The names are fixed: editors and tests know them."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.flow.messages.message import Message, error

_COMPARE = "Compare the indentation, colons and quotes with a sample menu.", "请对照示例菜单检查缩进、冒号和引号。"
_QUOTES = 'Put * in quotes: "*".', '请给 * 加引号："*"。'

READING: Mapping[str, Message] = {
    # The file
    "unreadable": error("Cannot be read: {why}.", "无法读取：{why}。", "Is the path right?", "请检查路径。"),
    "unreadable.encoding": error("Not UTF-8 text.", "不是 UTF-8 文本。", "Save the file as UTF-8.", "请以 UTF-8 编码保存。"),
    "yaml": error("Not YAML: {why}.", "不是有效的 YAML：{why}。", *_COMPARE),
    "yaml.alias": error("Not YAML: {why}.", "不是有效的 YAML：{why}。", *_QUOTES),
    "yaml.characters": error(
        "Not YAML: {why}.",
        "不是有效的 YAML：{why}。",
        "Save the file as UTF-8 text without control characters.",
        "请保存为 UTF-8 文本，不含控制字符。",
    ),
    "yaml.size": error(
        "The file has more than {limit} characters.", "文件超过 {limit} 个字符。", "Split the menu.", "请拆分菜单。"
    ),
    "yaml.empty": error("The file is empty.", "文件是空的。", "Begin with a sample menu.", "请从示例菜单开始。"),
    "yaml.second": error(
        "A second document begins here.", "这里开始了第二个文档。", "Remove the line ---.", "请删除 --- 这一行。"
    ),
    "yaml.star": error("*{name} is not used in menus.", "菜单中不使用 *{name}。", *_QUOTES),
    "yaml.mark": error(
        "{mark} is not used in menus.",
        "菜单中不使用 {mark}。",
        "Remove it, or put the text in quotes.",
        "请删除，或给文字加引号。",
    ),
    "yaml.name": error("A name must be plain text.", "名称必须是普通文字。", "Put it in quotes.", "请加引号。"),
    "yaml.deep": error("Too deeply nested.", "嵌套太深。", "Compare with a sample menu.", "请对照示例菜单。"),
    "twice": error(
        "{name!r} stands there twice (first in line {first}).",
        "“{name}”出现了两次（第一次在第 {first} 行）。",
        "Keep one of them.",
        "请只保留一个。",
    ),
    # Fields
    "unknown_field": error(
        "{field} is not known here.", "这里没有 {field} 这个字段。", "Known: {known}.", "可用的字段：{known}。"
    ),
    "unknown_field.near": error(
        "{field} is not known here.", "这里没有 {field} 这个字段。", "Is {near} meant?", "是否想写 {near}？"
    ),
    "missing_field": error("{field} is missing.", "缺少 {field}。", "Add it.", "请补上。"),
    "bad_kind": error("There is no kind {given!r}.", "没有“{given}”这种节点。", "Kinds are: {known}.", "节点种类有：{known}。"),
    "bad_kind.none": error(
        "The node has no kind.", "节点没有写 kind（种类）。", "Kinds are: {known}.", "节点种类有：{known}。"
    ),
    "bad_key": error(
        "{given!r} is no key of a telephone.",
        "“{given}”不是电话按键。",
        "A key is one of 0-9 * # A-D.",
        "按键是 0-9 * # A-D 之一。",
    ),
    "bad_name": error(
        "{field}: {given!r} is no name.",
        "{field}：“{given}”不能作名称。",
        "Take letters, digits and _ (prompt names: plain Latin letters).",
        "请用字母、数字和下划线（语音名称只用拉丁字母）。",
    ),
    # Values: what the models say, by pydantic's name of the fault
    "value.fields": error(
        "{field} must have fields.",
        "{field} 下面必须有字段。",
        "Write its fields below it, each as `name: value`.",
        "请在下面逐行写“字段: 值”。",
    ),
    "value.pattern": error(
        "{field}: {given!r} is not written as it must be ({pattern}).", "{field}：“{given}”写法不对（应符合 {pattern}）。"
    ),
    "value.number": error(
        "{field}: {given!r} is no number.",
        "{field}：“{given}”不是数字。",
        "Write digits, such as 5 or 7.5.",
        "请写数字，如 5 或 7.5。",
    ),
    "value.whole": error(
        "{field}: {given!r} is no whole number.", "{field}：“{given}”不是整数。", "Write digits only.", "请只写数字。"
    ),
    "value.bool": error(
        "{field}: {given!r} is neither true nor false.",
        "{field}：“{given}”既不是 true 也不是 false。",
        "Write true or false.",
        "请写 true 或 false。",
    ),
    "value.text": error(
        "{field} must be text.", "{field} 必须是文字。", "Write one word or a quoted text.", "请写一个词或带引号的文字。"
    ),
    "value.list": error("{field} must be a list.", "{field} 必须是列表。", "Write it as [one, two].", "请写成 [甲, 乙]。"),
    "value.least": error("{field}: must be {limit} or more.", "{field}：不能小于 {limit}。"),
    "value.most": error("{field}: must be {limit} or less.", "{field}：不能大于 {limit}。"),
    "value.short": error("{field}: at least {limit} needed.", "{field}：至少要有 {limit} 个。"),
    "value.long": error("{field}: at most {limit} allowed.", "{field}：最多 {limit} 个。"),
    "value.short_text": error("{field}: at least {limit} characters needed.", "{field}：至少 {limit} 个字符。"),
    "value.long_text": error("{field}: at most {limit} characters allowed.", "{field}：最多 {limit} 个字符。"),
    "value.choice": error("{field}: must be {expected}.", "{field}：只能是 {expected}。"),
    "value.no_variable": error(
        "{field}: {{{name}}} is no variable.",
        "{field}：{{{name}}} 不是变量。",
        "a to z, digits and _, beginning with a letter.",
        "变量名用 a 到 z、数字和下划线，以字母开头。",
    ),
    "value.no_time_zone": error(
        "{field}: there is no time zone {given!r}.",
        "{field}：没有时区“{given}”。",
        "Such as Asia/Shanghai.",
        "例如 Asia/Shanghai。",
    ),
    "value.no_span": error(
        "{field}: {given!r} is no span of time.",
        "{field}：“{given}”不是时间段。",
        "Such as 09:00-12:00 or 22:00-06:00.",
        "例如 09:00-12:00 或 22:00-06:00。",
    ),
    "value.no_weekdays": error(
        "{field}: {given!r} are no weekdays.",
        "{field}：“{given}”不是星期。",
        "Such as 1-5 or 6,7; 1 is Monday.",
        "例如 1-5 或 6,7，1 是星期一。",
    ),
    "value.no_condition": error(
        "{field}: a case without a condition.", "{field}：这个分支没有条件。", "Write that under `else`.", "请写到 else 下。"
    ),
    "value.no_queue_condition": error(
        "{field}: nothing is asked of the queue.",
        "{field}：没有写队列的条件。",
        "Write one of waiting_over, wait_over_s, ready_below.",
        "请写 waiting_over、wait_over_s、ready_below 之一。",
    ),
    "value.min_over_max": error("{field}: min is more than max.", "{field}：min 大于 max。", "Swap them.", "请对调。"),
    "value.secret_read_back": error(
        "{field}: what is secret is not read back.",
        "{field}：保密输入不能复述。",
        "Remove read_back, or secret.",
        "请删除 read_back 或 secret。",
    ),
    "value.digit_ends": error(
        "{field}: a digit can't end the input.", "{field}：数字键不能作结束键。", "Take # or *.", "请用 # 或 *。"
    ),
    "value.same_keys": error(
        "{field}: accept and other are the same key.",
        "{field}：accept 和 other 是同一个键。",
        "Take two keys.",
        "请用两个不同的键。",
    ),
    "value.lone_decline": error(
        "{field}: decline belongs to a notice.", "{field}：decline 只用于告知。", "Add `notice: true`.", "请加上 notice: true。"
    ),
    "value.unanswered_notice": error(
        "{field}: a notice is heard after the answer, so before_answer can't be.",
        "{field}：告知须在接通后播放，不能用 before_answer。",
        "Remove before_answer.",
        "请删除 before_answer。",
    ),
    "value.other": error("{field}: {said}.", "{field} 有误：{said}。"),
}
"""What keeps a text from being a document."""
