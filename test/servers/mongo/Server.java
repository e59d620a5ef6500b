import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** An in-memory server of the MongoDB protocol on the loopback port given. */
public class Server {
	/** Says the wire version of 5.0, because the driver refuses the one that the library would say. */
	record Version(List<Integer> getVersionArray, int getWireVersion) implements MongoVersion {}

	public static void main(String[] arguments) {
		var backend = new MemoryBackend().version(new Version(List.of(5, 0, 0), 13));
		new MongoServer(backend).bind("127.0.0.1", Integer.parseInt(arguments[0]));
	}
}
