"""A small HTTP server with the failures of large ones. Prints its port, serves a bounded time."""
import http.server
import os
import sys
import threading
import time

CONTENT = bytes(range(256)) * 4096  # 1 MiB
counts = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the other side is gone

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path
        number = counts[path] = counts.get(path, 0) + 1
        requested = self.headers.get("Range")
        tag = '"v1"'
        if path == "/plain":
            self.reply(200, CONTENT)
        elif path in ("/cut", "/changes", "/norange"):
            # The first answer breaks off in the middle; what follows depends on the path.
            if path == "/changes" and number > 1:
                tag = '"v2"'
            if number == 1:
                self.reply(200, CONTENT[:300000], ETag=tag, Content_Length=str(len(CONTENT)))
                self.close_connection = True
            elif requested and path != "/norange" and self.headers.get("If-Range") == tag:
                start = int(requested.split("=")[1].split("-")[0])
                counts["resumed"] = start
                self.reply(206, CONTENT[start:], ETag=tag,
                           Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
            else:
                self.reply(200, CONTENT, ETag=tag)
        elif path == "/busy":
            if number < 3:
                self.reply(503)
            else:
                self.reply(200, CONTENT)
        elif path == "/later":
            if number == 1:
                self.reply(429, Retry_After="0")
            else:
                self.reply(200, CONTENT)
        elif path == "/loop":
            self.reply(302, Location="/loop")
        elif path == "/moved":
            self.reply(301, Location="/plain")
        elif path == "/escape":
            self.reply(302, Location="file:///etc/passwd")
        elif path == "/stall":
            self.reply(200, CONTENT[:1000], Content_Length=str(len(CONTENT)))
            time.sleep(8)
        elif path.startswith("/count/"):
            body = str(counts.get(path[6:] if path != "/count/resumed" else "resumed", 0)).encode()
            self.reply(200, body)
        else:
            self.reply(404)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Timer(60, lambda: os._exit(0)).start()
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
