# Turns GitHub's Markdown into what Doxygen 1.9.4 understands. One line in, one
# line out: warnings keep their line numbers. Doxygen runs it, from the root of
# the repository, on each .md file, with man7.awk before it. It turns
#
#   headings               get the anchors that GitHub gives them
#   links                  to the page, section or source page of the site
#   `listen()`, listen(2)  link to the manual page (list: docs/man7.tag)
#   images                 <img> with its alternative text
#   fences                 coloured here, with the calls linked: Doxygen would
#                          guess which of eight functions of one name is meant
#   <!-- embed: F NAME --> a caption that leads to the source page
#   > [!NOTE], <details>, - [ ], and the line with the neighbouring lessons

BEGIN {
    class_of("const static struct enum union typedef extern inline sizeof " \
             "volatile", "keyword")
    class_of("if else for while do switch case default break continue " \
             "return goto", "keywordflow")
    class_of("char int unsigned signed long short void float double size_t " \
             "ssize_t socklen_t uint8_t uint16_t uint32_t", "keywordtype")
    alert_class["NOTE"] = "note"
    alert_class["TIP"] = "remark"
    alert_class["IMPORTANT"] = "important"
    alert_class["WARNING"] = "warning"
    alert_class["CAUTION"] = "attention"
    # What interrupts prose, and the pieces of which C is made.
    PROSE = "`+|!\\[[^]]*\\]\\([^)]*\\)|\\]\\([^)]*\\)|[a-z_]+\\([1-8]\\)|" \
        "\\*\\*?|\"|<[a-zA-Z/][^>]*>"
    TOKEN = "^(//.*|\"(\\\\.|[^\"\\\\])*\"|'(\\\\.|[^'\\\\])*'|#[a-z]+|" \
        "[A-Za-z_][A-Za-z0-9_]*|[^\"'#/A-Za-z_]+|.)"
    "pwd -P" | getline root
}

FNR == 1 {
    path = FILENAME
    if (index(path, root "/") == 1)
        path = substr(path, length(root) + 2)
    sub(/^\.\//, "", path)
    page = page_of(path)
    directory = ""
    if (path ~ /\//) {
        directory = path
        sub(/[^\/]*$/, "", directory)
    }
}

alert { # its lines begin with >; the first that does not, an empty one, ends it
    if ($0 ~ /^>/) {
        sub(/^> ?/, "")
    } else {
        alert = 0
        print html("</dd></dl>") $0
        next
    }
}

fence != "" {
    line = $0
    sub("^" indent, "", line)
    if (line == fence) {
        print indent "</pre>\\endhtmlonly"
        fence = ""
    } else {
        print fenced(line)
    }
    next
}

/^ *```/ {
    match($0, /^ */)
    indent = substr($0, 1, RLENGTH)
    match($0, /`+/)
    fence = substr($0, RSTART, RLENGTH)
    language = substr($0, RSTART + RLENGTH)
    in_comment = 0
    print indent "\\htmlonly[block]<pre class=\"fragment " language \
          "\" tabindex=\"0\">"
    next
}

/^> \[![A-Z]+\]/ {
    alert = 1
    match($0, /[A-Z]+/)
    name = substr($0, RSTART, RLENGTH)
    print html("<dl class=\"section " alert_class[name] "\"><dt>" \
               substr(name, 1, 1) tolower(substr(name, 2)) "</dt><dd>")
    next
}

/^# / {
    print $0 (page == "index" ? "" : " {#" page "}")
    contents = page != "index"
    next
}

/^##+ / {
    heading = slug($0)
    print $0 " {#" page "-" heading \
          (seen[heading]++ ? "-" (seen[heading] - 1) : "") "}"
    next
}

contents && /^$/ { # the empty line under the title
    contents = 0
    print "\\tableofcontents"
    next
}

/^$/ { delete emphasised["b"]; delete emphasised["em"] }

/^\[.*\]\(.*\) · \[/ {
    print html("<nav class=\"stepnav\" aria-label=\"Lessons, " \
               (navs++ ? "bottom" : "top") "\">" html_links($0) "</nav>")
    next
}

/^<!-- embed: / { print html(caption($3, $4)); next }
/^<!-- .*-->$/ { print ""; next }
/^ *<\/?(details|summary)/ { print html($0); next }

{
    sub(/- \[ \]/, "- \342\230\220") # an empty ballot box
    sub(/- \[x\]/, "- \342\230\221") # a checked one
    print prose($0)
}

END {
    if (alert)
        print html("</dd></dl>")
}

function html(text)
{
    return "\\htmlonly[block]" text "\\endhtmlonly"
}

function escape(text)
{
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/\*\//, "*\\&#47;", text) # Doxygen takes it for the end of a comment
    gsub(/>/, "\\&gt;", text)
    return text
}

# --- Links ----------------------------------------------------------------

# The page of a Markdown file: steps/03-listen/README.md is steps-03-listen.
function page_of(file)
{
    if (file == "README.md")
        return "index"
    sub(/^docs\//, "", file)
    sub(/(\/README)?\.md$/, "", file)
    gsub(/\//, "-", file)
    return tolower(file)
}

# The anchor GitHub gives a heading, but for letters that are not ASCII.
function slug(heading)
{
    sub(/^#+ /, "", heading)
    heading = tolower(heading)
    gsub(/[^a-z0-9 _-]/, "", heading)
    gsub(/ /, "-", heading)
    return heading
}

# A path relative to this file, as one relative to the root.
function from_root(target)
{
    target = directory target
    while (sub(/[^\/]+\/\.\.\//, "", target))
        ;
    sub(/^\.\//, "", target)
    return target
}

# Where the site has a file's source, or "" if it has not. Of several files of
# one name Doxygen keeps the directory in the name of the page.
function source_page(file)
{
    if (file !~ /^steps\/[^\/]+\/[^\/]+\.c$/ &&
        file !~ /^checks\/[^\/]+\.[ch]$/)
        return ""
    sub(/^(steps|checks\/.*)\//, "", file)
    sub(/^checks\//, "", file)
    gsub(/_/, "__", file)
    gsub(/\./, "_8", file)
    gsub(/\//, "_2", file)
    return file "_source.html"
}

# The target of a link, in the site; "" if the site does not have it.
function target_of(target,    i, anchor)
{
    if (target ~ /^[a-z]+:/)
        return target
    i = index(target, "#")
    if (i > 0) {
        anchor = slug(substr(target, i + 1))
        target = substr(target, 1, i - 1)
    }
    if (target == "")
        return page ".html#" page "-" anchor
    target = from_root(target)
    if (target !~ /\.md$/)
        return source_page(target)
    target = page_of(target)
    return target ".html" (i > 0 ? "#" target "-" anchor : "")
}

# A line of links, as HTML. What is between them is dropped.
function html_links(text,    out, name)
{
    while (match(text, /\[[^]]*\]\([^)]*\)/)) {
        name = substr(text, RSTART + 1, RLENGTH - 2)
        text = substr(text, RSTART + RLENGTH)
        match(name, /\]\(/)
        out = out "<a href=\"" target_of(substr(name, RSTART + 2)) "\">" \
            escape(substr(name, 1, RSTART - 1)) "</a>"
    }
    return out
}

# What stands above a listing: where it is from, down to the line.
function caption(file, name,    url, line, number, at)
{
    file = from_root(file)
    url = source_page(file)
    if (url == "")
        return ""
    while ((getline line < file) > 0) {
        number++
        if (at == 0 && line ~ "^[a-z#].*[ *]" name "([ ({]|$)")
            at = number
    }
    close(file)
    return "<p class=\"listing\"><a href=\"" url \
        (at ? sprintf("#l%05d", at) : "") "\">" file "</a></p>"
}

function image(text,    alt)
{
    match(text, /\]\(/)
    alt = escape(substr(text, 3, RSTART - 3))
    text = substr(text, RSTART + 2)
    sub(/\)$/, "", text)
    sub(/.*\//, "", text)
    gsub(/"/, "\\&quot;", alt)
    return "\\htmlonly<img src=\"" text "\" alt=\"" alt "\"/>\\endhtmlonly"
}

# The address of a manual page, given `bind()` or `bind(2)`; or "".
function manual(call,    name, section)
{
    name = section = call
    sub(/\(.*/, "", name)
    gsub(/.*\(|\)/, "", section)
    if (section == "")
        return name in man ? MAN man[name] : ""
    return MAN "man" section "/" name "." section ".html"
}

# Text outside of fences: links, images, emphasis, the calls in code spans.
# Doxygen would take a quotation as it is, backquotes and all, hence &quot;.
function prose(text,    out, token, code, i, url)
{
    while (match(text, PROSE)) {
        out = out substr(text, 1, RSTART - 1)
        token = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (token ~ /^`/ && (i = index(text, token)) > 0) {
            code = substr(text, 1, i - 1)
            text = substr(text, i + length(token))
            if (code ~ /'/) # `it's` would end at the apostrophe
                token = "``"
            out = out called(token code token, code, out)
        } else if (token ~ /^!/) {
            out = out image(token)
        } else if (token ~ /^\]/) {
            url = target_of(substr(token, 3, length(token) - 3))
            if (url == "") # not in the site: the text alone
                match(out, /\[[^[]*$/)
            out = url != "" ? out "](" url ")" : \
                substr(out, 1, RSTART - 1) substr(out, RSTART + 1)
        } else if (token ~ /^\*/) {
            out = out emphasis(token, out, text)
        } else if (token == "\"") {
            out = out "&quot;"
        } else {
            out = out called(token, token, out)
        }
    }
    return out text
}

# Doxygen misses emphasis that begins with a quotation mark, code or a link.
function emphasis(token, before, after,    tag)
{
    tag = token == "*" ? "em" : "b"
    if (tag in emphasised) {
        delete emphasised[tag]
        return "</" tag ">"
    }
    if (after ~ /^( |$)/ || before ~ /[a-z0-9]$/)
        return token
    emphasised[tag] = 1
    return "<" tag ">"
}

# A call in prose, linked to its manual page unless it is in a link already.
function called(text, call, before,    url)
{
    if (call !~ /^[a-z_0-9]+\([1-8]?\)$/ || before ~ /\[[^]]*$/)
        return text
    url = manual(call)
    return url == "" ? text : "<a href=\"" url "\">" text "</a>"
}

# --- Fences ---------------------------------------------------------------

function fenced(line)
{
    if (language == "c")
        return highlight(line)
    if (language == "diff" && line ~ /^[-+@]/)
        return span(substr(line, 1, 1) == "+" ? "add" : \
                    substr(line, 1, 1) == "-" ? "del" : "hunk", escape(line))
    if (language == "console" && match(line, /^[a-z]*[$<] /))
        return span("prompt", escape(substr(line, 1, RLENGTH))) \
            span("typed", escape(substr(line, RLENGTH + 1)))
    return escape(line)
}

function span(class, text)
{
    return "<span class=\"" class "\">" text "</span>"
}

# A line of C, coloured. The names of the classes are Doxygen's.
function highlight(line,    out, token, i)
{
    while (line != "") {
        if (in_comment || line ~ /^\/\*/) {
            i = index(substr(line, in_comment ? 1 : 3), "*/")
            RLENGTH = i == 0 ? length(line) : i + (in_comment ? 1 : 3)
            in_comment = i == 0
            token = "//"
        } else {
            match(line, TOKEN)
            token = substr(line, 1, RLENGTH)
        }
        out = out coloured(token, substr(line, 1, RLENGTH), \
                           substr(line, RLENGTH + 1, 1))
        line = substr(line, RLENGTH + 1)
    }
    return out
}

function coloured(token, text, after)
{
    if (token ~ /^\/\//)
        return span("comment", escape(text))
    if (token ~ /^["']/)
        return span("stringliteral", escape(text))
    if (token ~ /^#/)
        return span("preprocessor", text)
    if (token in word_class)
        return span(word_class[token], text)
    if (token in man && after == "(")
        return "<a class=\"code\" href=\"" MAN man[token] "\">" text "</a>"
    return escape(text)
}

function class_of(words, class,    list, n)
{
    n = split(words, list, " ")
    while (n > 0)
        word_class[list[n--]] = class
}
