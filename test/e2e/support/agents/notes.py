# An MCP server with one tool, which says how long the secret is that it was given.
import json
import os
import sys


def answer(method):
    if method == "initialize":
        server = {"name": "notes", "version": "1"}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": [{"name": "read", "description": "Reads notes.", "inputSchema": {"type": "object"}}]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": f"NOTE-MARK {len(os.environ['NOTES_TOKEN'])}"}]}
    return {}


for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer(asked["method"])}), flush=True)
