"""The command line: one command, one file. Parses words, opens a workspace, renders what comes back; decides nothing."""
