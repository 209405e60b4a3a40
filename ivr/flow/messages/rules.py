"""What findings say about a document, by the rules of ivr.flow.checks. The names are fixed: editors and tests know them."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.flow.messages.message import Message, error, warning

_SILENT = "Record prompts/{language}/{prompt}.wav, or write its text in prompts/{language}/texts.yaml."
_SILENT_ZH = "请录制 prompts/{language}/{prompt}.wav，或在 prompts/{language}/texts.yaml 写上文字。"
_NODES = "Nodes are: {nodes}.", "现有节点：{nodes}。"

_REFUSALS = {
    f"number_refused.{why}": error(
        f"{{number}} may not be called: {en}.",
        f"不允许呼叫 {{number}}：{zh}。",
        "Allow it with the trunk's allow_prefixes, or take another number.",
        "请在中继的 allow_prefixes 中放行，或换一个号码。",
    )
    for why, en, zh in (
        ("invalid", "there is no such number", "没有这样的号码"),
        ("not_allowed", "no prefix allows it", "没有前缀放行它"),
        ("premium", "a premium number", "付费号码"),
        ("foreign", "a number abroad", "境外号码"),
        ("caller_id", "the trunk has no number to show", "中继没有可显示的主叫号码"),
        ("no_trunk", "there is no trunk for it", "没有可用的中继"),
    )
}
"""By the word of ivr.dialplan.Refused."""

RULES: Mapping[str, Message] = {
    # Ways
    "missing_target": error("There is no node {to!r}.", "没有节点“{to}”。", *_NODES),
    "missing_flow": error(
        "There is no sub-flow {flow!r}.", "没有子流程“{flow}”。", "Sub-flows are: {flows}.", "现有子流程：{flows}。"
    ),
    "return_outside": error(
        "This return stands in no sub-flow, so it leads nowhere.",
        "这个 return 不在子流程中，不知返回何处。",
        "Use goto, or hangup.",
        "请改用 goto 或 hangup。",
    ),
    "unreachable": warning(
        "No way leads here.", "没有任何路径到达这里。", "Lead a key here, or remove it.", "请让某个按键通向这里，或删除它。"
    ),
    "unreachable.flow": warning(
        "Nobody enters the sub-flow {flow!r}.",
        "没有节点进入子流程“{flow}”。",
        "Enter it with a node of kind flow, or remove it.",
        "请用 flow 节点进入它，或删除它。",
    ),
    "loop": error(
        "Goes round for ever and never asks the caller: {trail}.",
        "无限循环，且从不等待主叫输入：{trail}。",
        "Put a menu or an end on the way.",
        "请在途中放一个菜单或结束节点。",
    ),
    "silent_loop": warning(
        "A caller who presses nothing goes round for ever: {trail}.",
        "主叫什么都不按时会无限循环：{trail}。",
        "Let no_input lead to a person.",
        "请让 no_input 转到人工。",
    ),
    # People
    "no_human": error(
        "No way leads to a person.",
        "没有任何路径到人工。",
        "Lead a key to a queue node, a voicemail or a return call.",
        "请让某个按键通向队列、留言或回电节点。",
    ),
    "no_human.here": warning(
        "From here no way leads to a person.", "从这里无法到人工。", "Lead 0 to a queue.", "请让 0 通向队列。"
    ),
    "no_human.closed": warning(
        "When nobody works, callers who come this way reach neither a person, nor voicemail, nor a return call.",
        "非工作时间走到这里的主叫，既到不了人工，也不能留言或登记回电。",
        "Lead it to a voicemail or return_call node.",
        "请通向 voicemail 或 return_call 节点。",
    ),
    "no_person": error(
        "Which queue is for callers who press 0 or are not understood?",
        "主叫按 0 或未被听懂时转到哪个队列？",
        "Name its node: `human: …`.",
        "请写明节点：human: …。",
    ),
    "cut_off": error(
        "Callers who say nothing, or are not understood, are cut off here.",
        "主叫不出声或未被听懂时，会在这里被挂断。",
        "Let {field} lead to a person, or remove it: a person is the default.",
        "请让 {field} 通向人工；不写就是转人工。",
    ),
    # Recording
    "no_notice": error(
        "Talks are recorded, but callers can come here untold: {trail}.",
        "通话会被录音，但主叫可能未听到告知就到这里：{trail}。",
        "Put a say node with `notice: true` before it.",
        "请在前面放一个带 notice: true 的 say 节点。",
    ),
    "notice_cut": warning(
        "A key cuts this notice short, so it doesn't count as one.",
        "按键会打断这条告知，因此不算已告知。",
        "Remove barge_in.",
        "请删除 barge_in。",
    ),
    # Prompts
    "missing_prompt": error(
        "There is no prompt {prompt!r} in {language!r}.", "没有“{language}”语音“{prompt}”。", _SILENT, _SILENT_ZH
    ),
    "missing_prompt.elsewhere": warning(
        "There is no prompt {prompt!r} in {language!r}, callers hear it in {other!r}.",
        "没有“{language}”语音“{prompt}”，主叫会听到“{other}”的。",
        _SILENT,
        _SILENT_ZH,
    ),
    "missing_text": warning(
        "This text is not given in {language!r}, callers hear it in {other!r}.",
        "这段文字没有“{language}”版本，主叫会听到“{other}”的。",
        "Write it in both: `text: {{zh: …, en: …}}`.",
        "请写两种语言：text: {{zh: …, en: …}}。",
    ),
    "no_language": error(
        "There are no prompts in {language!r}.",
        "没有“{language}”的语音。",
        "Record prompts/{language}/, or don't offer the language.",
        "请录制 prompts/{language}/，或不提供这种语言。",
    ),
    "long": warning(
        "Callers listen for about {seconds} s ({language}); more than {limit} s are too long.",
        "播报约 {seconds} 秒（{language}），超过 {limit} 秒就太长了。",
        "Say less, or part it.",
        "请精简，或拆成几段。",
    ),
    "many_options": warning(
        "{count} options: callers don't keep more than {limit} in mind.",
        "有 {count} 个选项：主叫记不住 {limit} 个以上。",
        "Make a sub-menu of some.",
        "请把一部分放进下级菜单。",
    ),
    # Keys and words
    "habit_twice": error(
        "One key has two meanings.", "一个键有两种含义。", "Give each habit its own key.", "请给每个习惯键各用一个键。"
    ),
    "habit_taken": warning(
        "Callers expect a person behind {key}.", "主叫会以为 {key} 是人工。", "Take another key.", "请换一个键。"
    ),
    "habit_taken.back": warning(
        "In every other menu {key} leads back.", "在其他菜单里 {key} 是返回上一级。", "Take another key.", "请换一个键。"
    ),
    "habit_taken.again": warning(
        "In every other menu {key} says it again.", "在其他菜单里 {key} 是再听一遍。", "Take another key.", "请换一个键。"
    ),
    "key_twice": warning(
        "{key} has two meanings here: {one} and {other}.",
        "{key} 在这里有两种含义：{one} 和 {other}。",
        "Take another key.",
        "请换一个键。",
    ),
    "word_twice": error(
        "The word {word!r} stands for {one} and for {other}.",
        "“{word}”既是 {one} 又是 {other}。",
        "Keep one of them.",
        "请只保留一个。",
    ),
    "word_twice.here": warning(
        "The word {word!r} stands there twice.", "“{word}”写了两次。", "Keep one of them.", "请只保留一个。"
    ),
    "words_alike": warning(
        "{word!r} ({key}) sounds like {other!r} ({other_key}).",
        "“{word}”（{key}）和“{other}”（{other_key}）听起来相近。",
        "Take a word that sounds different.",
        "请换一个读音不同的词。",
    ),
    "word_unknown": error(
        "The speech model ({language}) does not know {word!r} and would never hear it.",
        "语音模型（{language}）没有“{word}”这个词，永远听不到。",
        "Take another word.",
        "请换一个词。",
    ),
    "word_unknown.near": error(
        "The speech model ({language}) does not know {word!r} and would never hear it.",
        "语音模型（{language}）没有“{word}”这个词，永远听不到。",
        "It knows {near}.",
        "它有：{near}。",
    ),
    "many_words": warning(
        "{count} words ({language}): beyond {limit} a recogniser takes many for each other.",
        "有 {count} 个词（{language}）：超过 {limit} 个就容易听错。",
        "Make a sub-menu of some.",
        "请把一部分放进下级菜单。",
    ),
    "no_keys": error(
        "Callers can speak here but have no key, and a recogniser may be busy or fail.",
        "这里只能说话，没有按键；语音识别可能繁忙或出错。",
        "Name a key: `skip`.",
        "请写明按键：skip。",
    ),
    "secret_said": warning(
        "What is secret would be said aloud by the caller, where others may hear it.",
        "保密内容要由主叫说出来，旁人可能听到。",
        "Remove by_voice: keys are the default.",
        "请删除 by_voice：默认只用按键。",
    ),
    "extension_hidden": warning(
        "Extension {number} begins with {key}, so {key} alone no longer reaches the operator at once.",
        "分机 {number} 以 {key} 开头，只按 {key} 不再立即转总机。",
        "Give it another number.",
        "请换一个分机号。",
    ),
    "extension_long": error(
        "Extension {number} has more than {digits} digits, so nobody can dial it.",
        "分机 {number} 超过 {digits} 位，无法拨打。",
        "Raise `digits`.",
        "请加大 digits。",
    ),
    "extension_empty": error(
        "Extension {number} leads nowhere.",
        "分机 {number} 没有去处。",
        "Give it a seat or a node.",
        "请写 seat（坐席）或节点。",
    ),
    # Variables
    "unwritten": warning(
        "Nothing gives {variable!r} a value.",
        "变量“{variable}”从未被赋值。",
        "Is it misspelt? Set it, collect it, or name it under `variables`.",
        "是否写错？请用 set、collect 赋值，或写在 variables 下。",
    ),
    "unwritten.near": warning(
        "Nothing gives {variable!r} a value.", "变量“{variable}”从未被赋值。", "Is {near} meant?", "是否想写 {near}？"
    ),
    "fact_written": error(
        "{variable!r} is what is known of the call; menus read it only.",
        "“{variable}”是来电信息，菜单只能读取。",
        "Take another name.",
        "请换一个变量名。",
    ),
    "secret_spoken": error(
        "{variable!r} is secret and would be said aloud.",
        "“{variable}”是保密输入，不能播报。",
        "Don't say it.",
        "请不要播报它。",
    ),
    "misread": warning(
        "{variable!r} can't be read as {kind}: it holds {holds}.",
        "“{variable}”不能按 {kind} 播报：它是 {holds}。",
        "Read it as {fitting}.",
        "可按以下方式播报：{fitting}。",
    ),
    # The installation
    "missing_queue": error("There is no queue {name!r}.", "没有队列“{name}”。", "Queues are: {known}.", "现有队列：{known}。"),
    "missing_lookup": error(
        "There is no lookup {name!r}.", "没有查询“{name}”。", "Lookups are: {known}.", "现有查询：{known}。"
    ),
    "missing_calendar": error(
        "There is no calendar {name!r}.", "没有日历“{name}”。", "Calendars are: {known}.", "现有日历：{known}。"
    ),
    "missing_seat": error("There is no seat {name!r}.", "没有坐席“{name}”。", "Seats are: {known}.", "现有坐席：{known}。"),
    "missing_trunk": error("There is no trunk {name!r}.", "没有中继“{name}”。", "Trunks are: {known}.", "现有中继：{known}。"),
    **_REFUSALS,
    # Before the answer, and times
    "answered_already": warning(
        "before_answer has no effect where the call is already answered: {trail}.",
        "通话已接通时 before_answer 不起作用：{trail}。",
        "Put it before all nodes that answer, or remove before_answer.",
        "请放到接通之前，或删除 before_answer。",
    ),
    "hasty": warning(
        "{field}: {seconds} s are too short to press a key.",
        "{field}：{seconds} 秒来不及按键。",
        "Give callers at least {limit} s.",
        "请至少给 {limit} 秒。",
    ),
    "never_told": warning(
        "The first announcement comes after {every} s, but nobody waits longer than {limit} s.",
        "第一次播报在 {every} 秒后，但最多只等 {limit} 秒。",
        "Shorten announce.every_s.",
        "请缩短 announce.every_s。",
    ),
    "message_short": error(
        "No message can be long enough: min_s is not below max_s.",
        "任何留言都不够长：min_s 不小于 max_s。",
        "Raise max_s.",
        "请加大 max_s。",
    ),
    "silence_long": warning(
        "The message ends before its silence can: silence_s is not below max_s.",
        "留言会先到时限：silence_s 不小于 max_s。",
        "Shorten silence_s.",
        "请缩短 silence_s。",
    ),
}
"""What is wrong with a document, by the rules of ivr.flow.checks."""
