using System.Collections;
using System.Globalization;
using System.Text;
using QRCoder;

namespace DevP2P.Hosting;

/// <summary>QR codes as SVG: one path, black on white, with the quiet zone around it that readers need.</summary>
internal static class QrImage
{
    /// <summary>Characters of a text; an enode URL has about 160, a record at most 404.</summary>
    public const int MaxText = 512;

    /// <summary>Draws a text.</summary>
    public static byte[] Draw(string text)
    {
        using QRCodeData data = QRCodeGenerator.GenerateQrCode(text, QRCodeGenerator.ECCLevel.M);
        List<BitArray> rows = data.ModuleMatrix;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {rows.Count} {rows.Count}\" shape-rendering=\"crispEdges\">");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><path d=\"");
        for (int y = 0; y < rows.Count; y++)
        {
            BitArray row = rows[y];
            for (int x = 0; x < row.Count; x++)
            {
                int start = x;
                while (x < row.Count && row[x])
                {
                    x++;
                }

                if (x > start)
                {
                    svg.Append(CultureInfo.InvariantCulture, $"M{start} {y}h{x - start}v1h-{x - start}z");
                }
            }
        }

        svg.Append("\"/></svg>");
        return Encoding.ASCII.GetBytes(svg.ToString());
    }
}
