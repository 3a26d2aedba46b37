/**
 * @file
 * Exercise: the most copied client of the web, with its mistakes.
 *
 * Usage: most-copied-client [HOST [PORT]]   (default 127.0.0.1 8080)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, inet_pton */
#include <errno.h>      /* errno and its values */
#include <netdb.h>      /* getaddrinfo */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, printf, fwrite */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE, atoi */
#include <string.h>     /* memset, strlen */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/* TODO: twelve mistakes hide from here to the end of the file; mend them. */

int main(int argc, char *argv[])
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 8080;
    const char *hello = "Hello from client";
    char buffer[1024] = {0};
    struct sockaddr_in address;

    int sock = socket(AF_INET, SOCK_STREAM, 0);
    if (sock == -1) {
        printf("socket failed\n");
        return -1;
    }
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &address.sin_addr) <= 0) {
        printf("invalid address\n");
        return -1;
    }
    int client_fd = connect(sock, (struct sockaddr *)&address, sizeof address);
    if (client_fd == -1) {
        printf("connection failed\n");
        return -1;
    }
    send(sock, hello, strlen(hello), 0);
    printf("Hello message sent\n");
    recv(sock, buffer, 1024, 0);
    printf("%s\n", buffer);

    close(client_fd);
    return 0;
}

/* TODO end */
