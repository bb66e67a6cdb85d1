"""The words of the page and of the notices."""

from __future__ import annotations

from tulou_contracts.ui import Texts

_WORDS = {
    # key: (zh, en)
    "store.title": ("存储", "Storage"),
    "store.usage": ("占用空间", "Room taken"),
    "store.total": ("共 {used}，上限 {allowed}", "{used} of the {allowed} allowed"),
    "store.total-free": ("共 {used}，磁盘剩余 {free}", "{used}; {free} left on the disk"),
    "store.room": ("组件", "Room"),
    "store.size": ("大小", "Size"),
    "store.documents": ("设置与小文档", "Settings and small documents"),
    "store.rebuildable": ("{name}（可以重建）", "{name} (can be made again)"),
    "store.other": ("迁移前的副本和损坏的文件", "Copies from before migrations, and damaged files"),
    "store.compact": ("整理空间", "Give unused room back"),
    "store.compacted": ("释放了 {size}。", "{size} were given back."),
    "store.encryption": ("加密", "Encryption"),
    "store.encrypted": ("这台设备上的数据已加密。", "What is stored here is encrypted."),
    "store.plain": (
        "这台设备上的数据没有加密，能读取磁盘的人都能读到。",
        "What is stored here is not encrypted: who can read the disk can read it."),
    "store.key-where": ("密钥保存在", "The key is kept in"),
    "store.key-show": ("显示恢复密钥", "Show the recovery key"),
    "store.key-hide": ("隐藏", "Hide it"),
    "store.key-hint": (
        "请抄在纸上，放在安全的地方。密钥丢失后，只有它能找回数据；拿到它的人也能读取数据。",
        "Write it down and keep it in a safe place. When the key is lost, only this brings the data back;"
        " whoever has it can read the data."),
    "store.backup": ("备份", "Backup"),
    "store.backup-hint": (
        "把消息和设置写入一个文件，不含密码。最好放在另一块磁盘上。",
        "Writes messages and settings to one file, without passwords. Best kept on another disk."),
    "store.backup-file": ("文件", "File"),
    "store.backup-passphrase": ("口令", "Passphrase"),
    "store.backup-optional": (
        "留空则备份不加密。忘记口令就无法恢复。",
        "Left empty, the backup is not encrypted. Without the passphrase it cannot be restored."),
    "store.backup-needed": (
        "数据已加密，因此备份需要口令。忘记口令就无法恢复。",
        "The data is encrypted, so its backup needs one. Without it the backup cannot be restored."),
    "store.backup-make": ("开始备份", "Make a backup"),
    "store.backup-running": ("正在备份…", "Being made…"),
    "store.backup-done": ("备份已写入 {path}（{size}，{files} 个文件）。", "It is in {path} ({size}, {files} files)."),
    "store.backup-open": ("这个备份没有加密，请妥善保管。", "It is not encrypted: keep it where nobody reads it."),
    "store.backup-failed": ("备份没有完成：{reason}", "The backup was not made: {reason}"),
    "store.backup-last": ("上次备份", "Last backup"),
    "store.check": ("检查", "Check"),
    "store.check-last": ("上次检查", "Last check"),
    "store.check-never": ("还没有", "never"),
    "store.check-now": ("立即检查", "Check now"),
    "store.check-running": ("正在检查…", "Being checked…"),
    "store.check-fine": ("没有发现问题", "nothing wrong"),
    "store.check-faults": (
        "发现 {count} 处问题，下次启动时会修复", "{count} faults, to be repaired at the next start"),
    "store.repaired": ("数据库曾损坏，已经修复", "The database was damaged and has been repaired"),
    "store.repaired-lost": (
        "找回了 {rows} 行；这些表可能有缺失：{lost}。损坏的文件保存在 {kept}。",
        "{rows} rows were recovered; some may be missing of: {lost}. The damaged file is kept as {kept}."),
    "store.repaired-whole": (
        "找回了全部 {rows} 行。损坏的文件保存在 {kept}。",
        "All {rows} rows were recovered. The damaged file is kept as {kept}."),
    "store.nearly-full": ("存储空间快满了", "The room for data is nearly used up"),
    "store.nearly-full-hint": (
        "已用 {used} MiB，上限 {allowed} MiB。用完后将无法保存新消息。",
        "{used} of {allowed} MiB are used. When it is full, new messages cannot be kept."),
}
TEXTS = (
    Texts(language="zh", texts={key: zh for key, (zh, _) in _WORDS.items()}),
    Texts(language="en", texts={key: en for key, (_, en) in _WORDS.items()}),
)
