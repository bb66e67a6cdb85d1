"""The page's words."""

ZH = {
    "log.title": "日志", "log.live": "实时", "log.levels": "级别", "log.report": "发送日志",
    "log.level": "级别", "log.module": "模块", "log.text": "搜索文字", "log.correlation": "关联编号",
    "log.everything": "全部", "log.others": "其他模块", "log.asOthers": "与其他模块相同",
    "log.debug": "调试", "log.info": "信息", "log.warning": "警告", "log.error": "错误",
    "log.critical": "严重", "log.off": "关闭", "log.pause": "暂停", "log.resume": "继续",
    "log.none": "没有符合条件的日志。", "log.range": "时间范围", "log.hour": "最近一小时",
    "log.day": "最近一天", "log.week": "最近一周", "log.all": "全部日志",
    "log.asked": "服务器请求的时间段",
    "log.preview": "预览", "log.send": "同意并发送", "log.refuse": "不发送",
    "log.explain": "这里显示的正是将要发送的全部内容。人名以代号代替，文字、密码和文件名不会出现。",
    "log.size": "行 / 字节", "log.sent": "已发送。", "log.sending": "正在发送……", "log.more": "显示更多",
    "log.requested": "服务器请求您发送日志。", "log.crashed": "应用上次未正常退出，您可以发送当时的日志。",
    "log.reason": "原因：", "log.wishes": "公司希望记录更详细的日志：", "log.agree": "同意", "log.disagree": "拒绝",
    "log.trouble": "日志暂时无法写入文件：",
}

EN = {
    "log.title": "Logs", "log.live": "Live", "log.levels": "Levels", "log.report": "Send logs",
    "log.level": "Level", "log.module": "Module", "log.text": "Find text", "log.correlation": "Correlation",
    "log.everything": "All", "log.others": "All others", "log.asOthers": "As all others",
    "log.debug": "Debug", "log.info": "Info", "log.warning": "Warning", "log.error": "Error",
    "log.critical": "Critical", "log.off": "Off", "log.pause": "Pause", "log.resume": "Go on",
    "log.none": "No lines fit.", "log.range": "Time", "log.hour": "The last hour",
    "log.day": "The last day", "log.week": "The last week", "log.all": "Everything",
    "log.asked": "The time that the server asks for",
    "log.preview": "Preview", "log.send": "Agree and send", "log.refuse": "Do not send",
    "log.explain": "This is all that will leave. People appear under pseudonyms; texts, passwords and"
                   " names of files do not appear.",
    "log.size": "lines / bytes", "log.sent": "Sent.", "log.sending": "Sending…", "log.more": "Show more",
    "log.requested": "The server asks for your logs.",
    "log.crashed": "The app did not end well last time; you may send the logs of that time.",
    "log.reason": "Reason: ", "log.wishes": "Your company asks for more detailed logs:",
    "log.agree": "Agree", "log.disagree": "Refuse",
    "log.trouble": "The logs cannot be written to files now: ",
}
