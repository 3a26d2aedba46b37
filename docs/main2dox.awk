# Documents main() for Doxygen, which would miss it: it is the same in every
# program, so the sources do not say it each time. The line count stays.

/^int main\(/ && previous !~ /\*\/$/ {
    $0 = "/** The program: its arguments, then the story. @callgraph " \
         "@return the exit status: 0, 1 after a failed call, 2 for a wrong " \
         "argument */ " $0
}
{
    previous = $0
    print
}
