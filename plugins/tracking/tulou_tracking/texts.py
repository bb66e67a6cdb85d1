"""The page's words."""

from __future__ import annotations

from tulou_contracts.ui import Texts

_WORDS = {
    # key: (zh, en)
    "tracking.title": ("使用统计", "Usage statistics"),
    "tracking.intro": (
        "统计数据帮助改进这个应用。只有表中列出的事件会被记录，从不包含消息内容。由您决定。",
        "Statistics help to make this app better. Only events in the table are noted, never what"
        " messages say. You decide."),
    "tracking.ask": ("要发送使用统计吗？", "May usage statistics be sent?"),
    "tracking.ask-text": ("可以先看看会发送什么，再做决定。", "See what would leave before you decide."),
    "tracking.consent": ("您的选择", "Your choice"),
    "tracking.off": ("关闭", "Off"),
    "tracking.off-hint": ("不记录，也不发送。", "Nothing is noted, nothing leaves."),
    "tracking.anonymous": ("匿名", "Anonymous"),
    "tracking.anonymous-hint": (
        "以定期更换的化名发送，不含个人字段。", "Under a pseudonym that changes regularly, without personal fields."),
    "tracking.full": ("完整", "Full"),
    "tracking.full-hint": ("发送表中的全部字段。", "All fields of the table."),
    "tracking.do-not-track": (
        "系统要求不跟踪（DO_NOT_TRACK），因此不会记录任何内容。",
        "This system asks programs not to track (DO_NOT_TRACK), so nothing is noted."),
    "tracking.default": ("您还没有选择，当前是预设值。", "You have not chosen yet; this is the default."),
    "tracking.destination": ("发送到", "Sent to"),
    "tracking.nowhere": ("没有设置接收方，不会发送。", "Nobody to send to is set; nothing leaves."),
    "tracking.next": ("接下来会发送的内容", "What would leave next"),
    "tracking.nothing": ("没有等待发送的事件。", "No event waits."),
    "tracking.held": ("{count} 个事件等待发送（{size} 字节）", "Events that wait: {count} ({size} bytes)"),
    "tracking.refresh": ("刷新", "Look again"),
    "tracking.empty": ("清空", "Throw away"),
    "tracking.send": ("立即发送", "Send now"),
    "tracking.counts": ("计数", "Counts"),
    "tracking.uncounted": ("还没有计数。", "Nothing is counted yet."),
    "tracking.sent": ("已发送", "Sent"),
    "tracking.dropped": ("未发送", "Not sent"),
    "tracking.event": ("事件", "Event"),
    "tracking.count": ("数量", "Count"),
    "tracking.why": ("原因", "Why"),
    "tracking.table": ("事件表", "The event table"),
    "tracking.fields": ("字段", "Fields"),
    "tracking.owner": ("负责", "Owner"),
    "tracking.sample": ("抽样", "Sample"),
    "tracking.problems": ("问题", "Problems"),
    "tracking.none": ("无关个人", "not personal"),
    "tracking.identifier": ("标识", "identifier"),
    "tracking.personal": ("个人", "personal"),
    "tracking.never": ("从不发送", "never leaves"),
    "tracking.why-withdrawn": ("已撤回同意", "consent was withdrawn"),
    "tracking.why-emptied": ("已手动清空", "thrown away by you"),
    "tracking.why-full": ("队列已满", "the queue was full"),
    "tracking.why-overflow": ("磁盘太慢", "the disk was too slow"),
    "tracking.why-invalid": ("不符合事件表", "did not fit the table"),
    "tracking.why-unknown": ("不在事件表中", "not in the table"),
    "tracking.why-large": ("太大", "too large"),
    "tracking.why-sampled": ("未被抽中", "not in the sample"),
    "tracking.why-disabled": ("已停用", "disabled by the company"),
    "tracking.why-expired": ("已过期", "past its last day"),
    "tracking.why-prevented": ("被插件阻止", "prevented by a plugin"),
    "tracking.why-refused": ("被接收方拒绝", "refused by the receiver"),
}

TEXTS = (
    Texts(language="zh", texts={key: zh for key, (zh, _) in _WORDS.items()}),
    Texts(language="en", texts={key: en for key, (_, en) in _WORDS.items()}),
)
