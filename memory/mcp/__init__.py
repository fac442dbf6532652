"""The memory as tools for other programs that a model works in, over the Model Context Protocol (MCP).

    python -m keepsake.mcp --user dave          serves one user over stdin and stdout, as editors and desktops start it

tools.py says what is offered, server.py speaks the protocol; the app's API serves the same at /mcp. The package needs
the extra `mcp`; the rest of the library does not load it.
"""
