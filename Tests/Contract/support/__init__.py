"""What the contract tests drive the server with: processes, a scripted processor, a client."""
