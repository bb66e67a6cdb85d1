"""The wire: XMPP over WebSocket (RFC 7395) with resumption, archive, receipts and carbons."""
