"""The codes PD00xx: the command line, the configuration and the commands. Imports nothing."""

# --- PD00xx: command line and configuration ---------------------------------------------------------------------------

UNKNOWN_OPTION = "PD0002"
"""Unknown option

The command line holds an option that does not exist. Options are neither abbreviated nor guessed.
-> Correct the spelling; `polydoor --help` lists all options.
"""

NO_VALUE = "PD0003"
"""An option without its value

The option needs a value, and the command line ends behind it.
-> Give the value: `--threads 4` or `--threads=4`.
"""

WHICH_APP = "PD0004"
"""Not exactly one application

One application is served. The command line names none, or more than one.
-> Name it as `polydoor shop:app`, or set POLYDOOR_APP. Quote a value that holds spaces.
"""

BAD_VALUE = "PD0005"
"""A setting has a value that it cannot have

The value is of another kind, or out of bounds; the message says what is needed and where the value stood.
-> Give a value as the message says.
"""

UNKNOWN_VARIABLE = "PD0006"
"""Unknown variable

The environment holds a variable that begins with POLYDOOR_ and names no setting, so it would be without effect.
-> Correct the spelling, or take it out of the environment.
"""

BAD_ADDRESS = "PD0007"
"""An address cannot be understood

What `-b` or POLYDOOR_BIND says is not an address; the message says which part.
-> Write protocol://HOST:PORT, protocol+unix:PATH or fd://N, with options behind a question mark.
"""

NO_TLS = "PD0008"
"""https was asked for

Polydoor has no TLS of its own.
-> Put a web server that does TLS before it, and listen on http:// or a gateway protocol.
"""

CONTRADICTION = "PD0009"
"""Settings that do not go together

Each of the values is possible, but not both at once.
-> Change one of them.
"""

UNKNOWN_KEY = "PD0010"
"""Unknown setting

A file, or a call from Python, holds a key that names no setting, so it would be without effect.
-> Correct the spelling; docs/reference lists all settings.
"""

CANNOT_READ = "PD0011"
"""A file cannot be read

A configuration file, or a file of variables, that was named is not there, may not be read, or does not hold what it
was named for; or the file of the application may not be read.
-> Correct the path, or the permissions of the file.
"""

BAD_TOML = "PD0012"
"""A configuration file is not TOML

The message names the file and the line, and quotes it.
-> Correct the line. Strings stand in quotes, lists in brackets: bind = ["127.0.0.1:8000"].
"""

BAD_ENV_FILE = "PD0013"
"""A file of variables cannot be understood

The message names the file and the line.
-> Write one NAME=VALUE on each line; put quotes round a value with spaces or line ends.
"""

NO_FOLDER = "PD0014"
"""A folder is not there

The folder in which to run, or from which to import the application, is not there any more or cannot be entered.
-> Correct the path of --chdir or --app-dir.
"""

ONE_PROCESS = "PD0015"
"""More than one process, or another user, was asked for

Where the process of another program serves (polydoor.serve(), `flask polydoor`, `manage.py polydoor`) there is no
supervisor, and the application is loaded already.
-> Leave workers, user and group out and use threads, or serve with the command `polydoor APP -w N`.
"""

WITHOUT_EFFECT = "PD0016"
"""A setting is without effect

Something that the environment or a file asks for, or may ask for, cannot be done; the server starts without it.
-> Read what the message says to do instead, or unset the variable.
"""

DEV_EXPOSED = "PD0017"
"""--dev where others could connect

The page of `--dev` shows source code and the environ to whoever can connect.
-> Listen on a loopback address or a Unix socket alone, or leave --dev out.
"""

TOO_LATE = "PD0018"
"""A variable is set where it comes too late

A file of variables, or --env, sets a variable of Polydoor that says where to look for files. It is read after that.
-> Set it in the environment that starts Polydoor, or use the option.
"""

NO_OUTPUT = "PD0019"
"""Standard output cannot be written to

What was asked for could not be printed: the disk is full, or the command was started without standard output. The exit
status is 1, that of `polydoor request` 23.
-> Send standard output to where there is room.
"""

BAD_SPILL_DIR = "PD0020"
"""The folder for spill files cannot be used

--spill-dir names a folder that is not there, where this user may not write, or whose file system has no unnamed files.
-> Name another folder, or leave it out: then TMPDIR, /tmp or /dev/shm is taken, whichever works.
"""

UNKNOWN_FRONT_END = "PD0060"
"""There is no front end of this name

`polydoor frontend` knows a configuration for each of a few front ends, by name.
-> Name one of those that the message lists.
"""

NOT_SPOKEN = "PD0061"
"""The front end and the listener have no protocol in common

What was asked for cannot be configured: the front end does not speak the protocol, or no listener does.
-> Add a listener that speaks a protocol of the front end; the message names them.
"""

NO_PLACE = "PD0062"
"""Nobody can tell where a front end finds the listener

The address is an inherited descriptor, or a port that is only chosen at start.
-> Say where it is found with --connect.
"""

NOT_PLAIN = "PD0063"
"""A value cannot be written into a configuration file

A name, a path or a folder holds a sign, such as a quote, a brace or a space, that a front end would take for its own,
or a mount holds letters that are not ASCII, which front ends compare in different ways.
-> Use another name, or a symbolic link to the folder.
"""

UNUSABLE = "PD0070"
"""A secret cannot be used

`env:NAME` or `file:PATH` names a variable that is not set or a file that cannot be read, or what stands there is too
short or holds other signs than letters, digits and `-._~`.
-> Set the variable or write the file; `python3 -c 'import secrets; print(secrets.token_urlsafe())'` prints a good one.
"""

DIAGNOSTICS_ON = "PD0071"
"""Diagnostics are on

With --diagnostics, whoever knows the token sees how requests arrive, and can have responses broken off. It is for the
time in which `polydoor frontend test` is used. The token stands in the log lines of those requests.
-> Leave the option out when the test is done. Give the token as env:NAME or file:PATH, not on the command line.
"""

NO_ANSWER = "PD0072"
"""The front end does not answer

`polydoor frontend test` cannot connect to the address of the URL, or what answers there does not speak HTTP.
-> Check that the front end runs and listens there, the port, and that http and https are not mixed up.
"""

NO_DIAGNOSTICS = "PD0073"
"""The diagnostics are not found behind the front end

Something answered the first request of `polydoor frontend test`, but not the diagnostics of Polydoor; the message says
what.
-> Start Polydoor with --diagnostics and the same token, check that the URL is that of the application, and that the
front end passes everything below it on.
"""

# --- PD009x: polydoor request (responses that are none are numbered in core/codec/reason.h) ---------------------------

CANNOT_ASK = "PD0090"
"""The request cannot be sent as it stands

An address is missing, or a method, path, header field or body is one that the protocol cannot carry.
-> Correct what the message names.
"""

CANNOT_CONNECT = "PD0091"
"""The server cannot be connected to

`polydoor request` found nobody who listens at the address, or may not go there. The exit status is 7.
-> Check that the server runs and listens there; for a Unix socket, that this user may write to it.
"""

ASK_TIMEOUT = "PD0092"
"""The server was too slow

`polydoor request` waited as long as --timeout says. The exit status is 28.
-> Raise --timeout, or look into the log of the server.
"""

RESPONSE_CUT = "PD0093"
"""The response broke off

Its length, its chunks or the end that the protocol has are missing: what was printed is not all. The exit status is 18.
-> Look into the log of the server; `polydoor request -v` shows what came.
"""

CANNOT_READ_BODY = "PD0094"
"""The body of the request cannot be read

The file of -d or -T cannot be read. The exit status is 26.
-> Check the name and the permissions of the file.
"""

CANNOT_WRITE_BODY = "PD0095"
"""The body of the response cannot be written

The file of -o cannot be written. The exit status is 23.
-> Check the name, the permissions and the room on the disk.
"""

HTTP_ERROR = "PD0096"
"""The response has a status of an error

With --fail, `polydoor request` ends with status 22 if the status of the response is 400 or more.
-> Look at the response without --fail.
"""
