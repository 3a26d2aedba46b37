# Keeps, in the pages of a step's program, the links to itself and to manual
# pages. It is a single file, so any other link is one of Doxygen's guesses,
# such as a variable `fd` that leads to a macro of the grader. After man7.awk.

FNR == 1 {
    own = FILENAME
    sub(/.*\//, "", own)
    sub(/(_source)?\.html$/, "", own)
}

{
    out = ""
    while (match($0, /<a [^>]*class="(el|code)[^>]*>[^<]*<\/a>/)) {
        out = out substr($0, 1, RSTART - 1) \
            checked(substr($0, RSTART, RLENGTH))
        $0 = substr($0, RSTART + RLENGTH)
    }
    print out $0
}

function checked(link,    target, text)
{
    target = text = link
    sub(/.*href="/, "", target)
    if (index(target, own) == 1 || target ~ /^(#|dir_|https:)/)
        return link
    text = content(link)
    if (text in man)
        return "<a class=\"code\" href=\"" MAN man[text] "\">" text "</a>"
    return text
}
