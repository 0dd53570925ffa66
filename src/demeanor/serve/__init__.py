"""The service: HTTP and WebSocket API, jobs that outlive a crash, and the page. Needs the extra `serve`."""
