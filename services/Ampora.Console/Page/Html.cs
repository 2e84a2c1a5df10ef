using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;

namespace Ampora.Console.Page;

/// <summary>HTML in which every hole of an interpolated string is escaped, unless it is HTML itself.</summary>
internal readonly record struct Html(string Text)
{
    public static Html Of(ref Builder builder) => new(builder.ToString());

    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts.Select(p => p.Text)));

    public override string ToString() => Text;

    [InterpolatedStringHandler]
    internal readonly ref struct Builder
    {
        private readonly StringBuilder _text;

        public Builder(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + (formattedCount * 16));

        public void AppendLiteral(string literal) => _text.Append(literal);

        public void AppendFormatted(Html html) => _text.Append(html.Text);

        public void AppendFormatted(string? text) => _text.Append(HtmlEncoder.Default.Encode(text ?? ""));

        public override string ToString() => _text.ToString();
    }
}

/// <summary>The frame of every page, and what it may load: its own style and nothing else.</summary>
internal static class PageFrame
{
    private const string Style = """
        body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1f24;background:#fff}
        h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d8dee4;vertical-align:top}
        td{overflow-wrap:anywhere}th{white-space:nowrap;font-weight:600}code{font-family:ui-monospace,monospace;font-size:.9em}
        .healthy,.succeeded{color:#116329}.degraded{color:#7d4e00}.failing,.failed,.error{color:#a40e26}.unknown{color:#59636e}
        form.out{float:right}input,button{font:inherit;padding:.35rem .6rem}label{display:block;margin:.6rem 0}input[type=password]{width:32rem;max-width:100%}
        @media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#30363d}
        .healthy,.succeeded{color:#57ab5a}.degraded{color:#d4a72c}.failing,.failed,.error{color:#ff7b72}.unknown{color:#9198a1}}
        """;

    private static readonly string Policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static IResult Show(HttpResponse response, int status, Html body)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.CacheControl = "no-store";
        var builder = Html.Of($"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Ampora</title><style>{new Html(Style)}</style></head>
            <body>{body}</body></html>
            """);
        return Results.Content(builder.Text, "text/html; charset=utf-8", Encoding.UTF8, status);
    }
}
