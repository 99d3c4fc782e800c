/**
 * What makes programs inside go through the proxy; they read it in many ways. Ports are those on 127.0.0.1 inside.
 *
 * ALL_PROXY names the HTTP proxy, which takes any protocol by CONNECT: Python's httpx fails on a socks:// there. Java reads no
 * proxy variable; JAVA_TOOL_OPTIONS is the one way that reaches javac, Gradle and Maven too, though every JVM says so on stderr
 * (so does `java` of JDK_JAVA_OPTIONS).
 */
export function proxyEnvironment(ports: { readonly httpPort: number }): Readonly<Record<string, string>> {
  const proxy = `http://127.0.0.1:${ports.httpPort}`;
  const near = 'localhost,127.0.0.1,::1';
  const both = (name: string, value: string) => ({ [name.toUpperCase()]: value, [name]: value });
  const java = ['http', 'https'].map(
    (scheme) => `-D${scheme}.proxyHost=127.0.0.1 -D${scheme}.proxyPort=${ports.httpPort}`,
  );
  return {
    ...both('http_proxy', proxy),
    ...both('https_proxy', proxy),
    ...both('all_proxy', proxy),
    ...both('no_proxy', near),
    NODE_USE_ENV_PROXY: '1',
    npm_config_proxy: proxy,
    npm_config_https_proxy: proxy,
    npm_config_noproxy: near,
    PIP_PROXY: proxy,
    CARGO_HTTP_PROXY: proxy,
    JAVA_TOOL_OPTIONS: java.join(' '),
  };
}
