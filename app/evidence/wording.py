"""The words of a bundle, in both languages: whoever opens it has no platform to choose a language with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.documents.wording import Words

README: Final = """\
证据包 / EVIDENCE BUNDLE

打开 index.html 查看内容，无需网络。核验：安装 Python 3.8 或以上版本后运行

    python verify.py

它逐一核对文件、每条采样的封存摘要、封存链以及审计日志中的锚定记录，并指出被改动之处。
仅核对文件： sha256sum -c SHA256SUMS

Open index.html to read it; no network is needed. To check it, with Python 3.8 or later:

    python verify.py

This checks every file, every sample against its seal, the chains of seals, and the entries of the
audit log that anchor them, and names whatever was altered. Files alone: sha256sum -c SHA256SUMS

    manifest.json          目录与每个文件的 SHA-256 / what is in here, with the SHA-256 of each file
    data/samples.json      采样（封存的原值） / samples, the very values that were sealed
    data/samples.csv       同上，便于电子表格查看 / the same in words, for spreadsheets
    data/permits.json      当时有效的许可版本 / permit revisions in force
    data/zones.geojson     当时有效的区域版本 / zone revisions in force
    data/findings.json     判定结果 / findings
    data/alerts.json       告警 / alerts
    data/directives.json   指令与应答 / directives and answers
    data/incidents.json    事件 / incidents
    data/encounters.json   与其他航空器的接近 / aircraft that came too close
    data/emergencies.json  紧急围栏 / emergency geofences that the vehicle was told of
    data/sanctions.json    处罚 / sanctions against its permits
    data/rejects.json      未采信的报文 / messages that were not believed
    data/audit.json        审计记录（仅限监管部门） / entries of the audit log (the city's bundles only)
    data/neighbours.json   附近车辆，不含身份（仅限运营单位） / others nearby, unnamed (operators' bundles only)
    seals/                 封存块与锚定 / blocks of seals, and their anchors

时间为毫秒（UTC），坐标为 WGS-84。 / Times are milliseconds UTC, positions WGS-84.
"""

ZONE_KINDS: Final[Mapping[str, Words]] = {
    "test_road": Words("测试道路", "Test road"),
    "test_area": Words("封闭测试区", "Closed test area"),
    "air_corridor": Words("空中走廊", "Air corridor"),
    "vertiport": Words("起降场", "Vertiport"),
    "restricted": Words("禁行区", "Restricted area"),
    "speed_limit": Words("限速区", "Speed-limit zone"),
}
PERMIT_STATES: Final[Mapping[str, Words]] = {
    "issued": Words("有效", "Issued"),
    "suspended": Words("已暂停", "Suspended"),
    "expired": Words("已到期", "Expired"),
    "revoked": Words("已撤销", "Revoked"),
    "surrendered": Words("已交回", "Surrendered"),
}
DIRECTIVES: Final[Mapping[str, Words]] = {
    "halt": Words("停驶（降落）", "Halt (land)"),
    "leave": Words("驶离", "Leave"),
    "slow": Words("减速", "Slow down"),
}
CONCERNS: Final[Mapping[str, Words]] = {
    "inside": Words("位于围栏内", "inside of it"),
    "approaching": Words("正在驶近", "approaching it"),
    "route": Words("路线经过围栏", "with a route through it"),
}
SANCTIONS: Final[Mapping[str, Words]] = {
    "warn": Words("警告", "Warning"),
    "restrict": Words("限制", "Restriction"),
    "suspend": Words("暂停", "Suspension"),
    "revoke": Words("撤销", "Revocation"),
}
REPLIES: Final[Mapping[str, Words]] = {
    "received": Words("已收到", "received"),
    "accepted": Words("已接受", "accepted"),
    "refused": Words("已拒绝", "refused"),
}
