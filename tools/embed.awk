# Prints a Markdown file with its listings fresh, see embed.sh. Where one was
# stale it says so on stderr. Exit status: 0 fresh, 1 stale, 2 not to be done.

function complain(code, text)
{
    print FILENAME ":" FNR ": " text | "cat 1>&2"
    if (code > status)
        status = code
}

FNR == 1 {
    directory = FILENAME
    if (!sub(/[^\/]*$/, "", directory) || directory == "")
        directory = "./"
}

state == "marked" { # the line under a marker opens the fence
    if ($0 !~ /^ *```/) {
        complain(2, "no fence under " marker)
        state = ""
    } else {
        indent = $0
        sub(/`.*/, "", indent)
        print
        for (i = 1; i <= fresh; i++)
            print (line[i] == "" ? "" : indent line[i])
        state = "old"
        old = 0
        next
    }
}

state == "old" {
    if ($0 == indent "```") {
        state = ""
        if (!stale && old < fresh)
            differ(old + 1, "nothing", line[old + 1])
        print
    } else {
        old++
        if (!stale && old > fresh)
            differ(old, $0, "nothing")
        else if (!stale && $0 != (line[old] == "" ? "" : indent line[old]))
            differ(old, $0, line[old])
    }
    next
}

/^ *<!-- (embed|diff): .* -->$/ {
    marker = $0
    sub(/^ */, "", marker)
    fresh = stale = 0
    if ($2 == "embed:")
        embed(directory $3)
    else
        command("cd '" directory "' && diff -U1 " $3 " " $4 " | sed 1,2d")
    state = "marked"
}

{ print }

END {
    if (state == "old")
        complain(2, "the fence under " marker " is not closed")
    close("cat 1>&2")
    exit status
}

function differ(at, is, should)
{
    stale = 1
    complain(1, marker " is stale\n  line " at " is:        " is \
             "\n  line " at " should be: " should)
}

function command(text)
{
    while ((text | getline line[fresh + 1]) > 0)
        fresh++
    close(text)
}

# Fills line[] with the file, or with what the marker names in it.
function embed(file,    source, n, i, got)
{
    while ((got = (getline source[n + 1] < file)) > 0)
        n++
    close(file)
    if (got < 0)
        complain(2, "cannot read " file ", for " marker)
    if ($4 == "-->")
        copy(source, 1, n)
    for (i = 4; $i != "-->"; i++) {
        if (i > 4)
            line[++fresh] = ""
        definition(source, n, $i)
    }
}

# A function, struct, enum, macro or object, with the comment right above it.
function definition(source, n, name,    from, to)
{
    for (from = 1; from <= n; from++)
        if (defines(source[from], name))
            break
    if (from > n) {
        complain(2, "no " name " in " $3 ", for " marker)
        return
    }
    to = from
    if (source[from] ~ /^#/)
        while (source[to] ~ /\\$/)
            to++
    else if (source[from] !~ /;$/)
        while (to < n && source[to] !~ /^}/)
            to++
    if (source[from - 1] ~ /\*\/$/)
        do
            from--
        while (source[from] !~ /^\/\*/)
    copy(source, from, to)
}

function defines(text, name)
{
    if (text ~ /^#/)
        return text ~ "^# *define " name "([ (]|$)"
    if (text ~ "^[a-z][^=(;]*[ *]" name "\\(")
        return text !~ /;$/
    return text ~ "^(typedef |static |const )*(struct|enum|union) " name \
        "( [{])?$" || text ~ "^[a-z][^=(;]*[ *]" name "(\\[.*\\])? ?[=;]"
}

function copy(source, from, to)
{
    while (from <= to)
        line[++fresh] = source[from++]
}
